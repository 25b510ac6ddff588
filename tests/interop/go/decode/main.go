// Command decode decodes stubs with go-msrpc and folds their rows into the checksum of ../../fold.rs.
//
// It takes a folder and how many seconds to spend on each set of stubs; its lines are those of ../../fold.py.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi"
	ienumwbemclassobject "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/ienumwbemclassobject/v0"
	iwbemwcosmartenum "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemwcosmartenum/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmio"
	"github.com/oiweiwei/go-msrpc/ndr"

	_ "github.com/oiweiwei/go-msrpc/msrpc/erref/hresult"
	_ "github.com/oiweiwei/go-msrpc/msrpc/erref/wmi"
)

// sets are the pairs of stubs.
var sets = []string{"next_1", "next_100", "smart_1", "smart_100"}

// fold is a checksum in the making.
type fold struct {
	checksum uint32
	rows     int
	// order is the order of the names in the properties of the class, kept from the first row.
	order []int
	line  []byte
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	check(err)
	limit := time.Duration(seconds * float64(time.Second))
	for _, set := range sets {
		var stubs [2][]byte
		for i := range stubs {
			stubs[i], err = os.ReadFile(filepath.Join(os.Args[1], fmt.Sprintf("%s.%d.bin", set, i)))
			check(err)
		}
		var last *fold
		passes, begun := 0, cpu()
		for passes == 0 || cpu()-begun < limit {
			last, err = decode(set, stubs)
			check(err)
			passes++
		}
		text, err := json.Marshal(map[string]any{
			"stubs":           set,
			"rows":            last.rows,
			"checksum":        last.checksum,
			"rows_per_second": float64(last.rows*passes) / (cpu() - begun).Seconds(),
		})
		check(err)
		fmt.Println(string(text))
	}
}

// check ends the program when something went wrong.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cpu is the time that this process has had, of all threads: the collector of garbage works for the decoder.
func cpu() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// decode folds the rows of two stubs.
func decode(set string, stubs [2][]byte) (*fold, error) {
	f := &fold{}
	classes := map[string]*wmio.Class{}
	for _, stub := range stubs {
		if strings.HasPrefix(set, "smart") {
			if err := f.smart(stub, classes); err != nil {
				return nil, err
			}
		} else if err := f.next(stub); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// next folds the objects of a reply of IEnumWbemClassObject::Next.
func (f *fold) next(stub []byte) error {
	var reply ienumwbemclassobject.NextResponse
	if err := ndr.Unmarshal(stub, &reply); err != nil {
		return err
	}
	for _, object := range reply.Objects {
		decoded, err := wmio.Unmarshal(object.InterfacePointer().GetCustomObjectReference().ObjectData)
		if err != nil {
			return err
		}
		f.row(decoded)
	}
	return nil
}

// smart folds the objects of a reply of IWbemWCOSmartEnum::Next.
func (f *fold) smart(stub []byte, classes map[string]*wmio.Class) error {
	var reply iwbemwcosmartenum.NextResponse
	if err := ndr.Unmarshal(stub, &reply); err != nil {
		return err
	}
	packet, err := wmi.UnmarshalObjectArrayWithClasses(reply.Buffer, classes)
	if err != nil {
		return err
	}
	for _, object := range packet.Objects {
		f.row(object.Object)
	}
	return nil
}

// row folds one row.
func (f *fold) row(object *wmio.Object) {
	properties := object.Instance.Properties
	if f.order == nil {
		for i := range properties {
			f.order = append(f.order, i)
		}
		sort.Slice(f.order, func(a, b int) bool { return properties[f.order[a]].Name < properties[f.order[b]].Name })
	}
	f.line = f.line[:0]
	for _, i := range f.order {
		property := properties[i]
		value := property.Value.Value
		if property.Nullable {
			value = nil
		} else if property.InheritDefault {
			value = object.Instance.CurrentClass.Properties[i].Value.Value
		}
		f.line = append(text(f.line, value), '\n')
	}
	f.checksum = crc32.Update(f.checksum, crc32.IEEETable, f.line)
	f.rows++
}

// text appends the text of one value.
func text(line []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(line, 0)
	case bool:
		if v {
			return append(line, "True"...)
		}
		return append(line, "False"...)
	case string:
		return append(line, v...)
	case int8:
		return strconv.AppendInt(line, int64(v), 10)
	case int16:
		return strconv.AppendInt(line, int64(v), 10)
	case int32:
		return strconv.AppendInt(line, int64(v), 10)
	case int64:
		return strconv.AppendInt(line, v, 10)
	case uint8:
		return strconv.AppendUint(line, uint64(v), 10)
	case uint16:
		return strconv.AppendUint(line, uint64(v), 10)
	case uint32:
		return strconv.AppendUint(line, uint64(v), 10)
	case uint64:
		return strconv.AppendUint(line, v, 10)
	default:
		return fmt.Append(line, v)
	}
}
