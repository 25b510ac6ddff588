// Command wmi-witness runs a plan of WQL queries with go-msrpc and prints every row as a JSON line.
//
// The plan comes as JSON on standard input; the lines on standard output are those of ../rows.py.
// At PKT_INTEGRITY go-msrpc verifies the signature of everything that it receives; at PKT_PRIVACY it only deciphers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	iremotescmactivator "github.com/oiweiwei/go-msrpc/msrpc/dcom/iremotescmactivator/v0"
	iremunknown "github.com/oiweiwei/go-msrpc/msrpc/dcom/iremunknown/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi"
	ienumwbemclassobject "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/ienumwbemclassobject/v0"
	iwbemfetchsmartenum "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemfetchsmartenum/v0"
	iwbemlevel1login "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemlevel1login/v0"
	iwbemservices "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemservices/v0"
	iwbemwcosmartenum "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemwcosmartenum/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmio"
	"github.com/oiweiwei/go-msrpc/msrpc/dtyp"
	"github.com/oiweiwei/go-msrpc/ssp"
	"github.com/oiweiwei/go-msrpc/ssp/credential"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"

	_ "github.com/oiweiwei/go-msrpc/msrpc/erref/hresult"
	_ "github.com/oiweiwei/go-msrpc/msrpc/erref/wmi"
)

// plan is what to do, in the order of the jobs, over one association.
type plan struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	User     string `json:"user"`
	Password string `json:"password"`
	Level    string `json:"level"`
	// Mechanism is ntlm, or negotiate: NTLM inside of SPNEGO.
	Mechanism string `json:"mechanism"`
	// Client is what to call oneself before anything else.
	Client string `json:"client"`
	// Pings is whether the object resolver is to be asked about the session's object.
	Pings bool  `json:"pings"`
	Jobs  []job `json:"jobs"`
}

// job is one query.
type job struct {
	ID         string `json:"id"`
	Namespace  string `json:"namespace"`
	Query      string `json:"query"`
	Enumerator string `json:"enumerator"`
	Batch      uint32 `json:"batch"`
	Walk       bool   `json:"walk"`
	// Opened namespaces are entered from the one above, not by a log-in.
	Opened bool `json:"opened"`
	// Path is there when it is no query but an object or, with Method, a call; Class is the one that has the method.
	Path      string     `json:"path"`
	Class     string     `json:"class"`
	Method    string     `json:"method"`
	Arguments []argument `json:"arguments"`
}

const (
	// flags of ExecQuery: WBEM_FLAG_RETURN_IMMEDIATELY | WBEM_FLAG_FORWARD_ONLY ([MS-WMI] 2.2.6).
	queryFlags = 0x30
	// walkFlags is the same without WBEM_FLAG_FORWARD_ONLY.
	walkFlags = 0x10
	// wbemEInvalidOperation is what forward-only enumerators answer to Reset, Clone and Skip.
	wbemEInvalidOperation = 0x80041016
	// wbemSFalse ends an enumeration ([MS-WMI] 2.2.11).
	wbemSFalse = 1
	// wbemSTimedOut says that more may come ([MS-WMI] 2.2.11).
	wbemSTimedOut = 0x40004
	// publicRefs is how many references a query for an interface asks for.
	publicRefs = 5
)

func main() {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		fail(fmt.Errorf("plan: %w", err))
	}
	gssapi.AddCredential(credential.NewFromPassword(p.User, p.Password))
	gssapi.AddMechanism(ssp.NTLM)
	if p.Mechanism == "negotiate" {
		gssapi.AddMechanism(ssp.SPNEGO)
	}

	ctx := context.Background()
	session, err := connect(ctx, &p)
	if err != nil {
		fail(err)
	}
	if p.Client != "" {
		if err := session.introduce(p.Client); err != nil {
			fail(err)
		}
	}
	if p.Pings {
		// Nothing is given back: the set keeps it.
		if err := session.ping(ctx, &p); err != nil {
			fail(err)
		}
		return
	}
	failed := false
	for _, j := range p.Jobs {
		rows, err := session.run(ctx, &j)
		if err != nil {
			line(map[string]any{"job": j.ID, "error": err.Error()})
			failed = true
			continue
		}
		line(map[string]any{"job": j.ID, "rows": rows})
	}
	session.close(ctx)
	if failed {
		os.Exit(1)
	}
}

// line prints one JSON line.
func line(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

// fail prints why nothing more is done, and ends the program.
func fail(err error) {
	text, _ := json.Marshal(map[string]any{"error": err.Error()})
	fmt.Println(string(text))
	os.Exit(1)
}

// session is one authenticated association with the object exporter.
type session struct {
	conn      dcerpc.Conn
	opts      []dcerpc.Option
	version   *dcom.COMVersion
	unknown   *dcom.IPID
	oxid, oid uint64
	login     *dcom.IPID
	security  context.Context
	services  map[string]*dcom.IPID
	published []*dcom.IPID
}

// connect activates IWbemLevel1Login and connects to its object exporter.
func connect(ctx context.Context, p *plan) (*session, error) {
	level := dcerpc.WithSeal()
	if p.Level == "integrity" {
		level = dcerpc.WithSign()
	}
	opts := []dcerpc.Option{level, dcerpc.WithTargetName("RPCSS/" + p.Host)}
	if p.Mechanism == "negotiate" {
		opts = append(opts, dcerpc.WithSecurtyProvider(dcerpc.AuthTypeGSSNegotiate))
	}
	timeout := dcerpc.WithTimeout(20 * time.Second)

	activator, err := dcerpc.Dial(ctx, net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), timeout)
	if err != nil {
		return nil, fmt.Errorf("connect to the activator: %w", err)
	}
	defer activator.Close(ctx)
	activation := gssapi.NewSecurityContext(ctx)
	scm, err := iremotescmactivator.NewRemoteSCMActivatorClient(activation, activator, opts...)
	if err != nil {
		return nil, fmt.Errorf("bind to the activator: %w", err)
	}
	version := &dcom.COMVersion{MajorVersion: 5, MinorVersion: 7}
	properties := &dcom.ActivationProperties{
		DestinationContext: 2,
		Properties: []dcom.ActivationProperty{
			&dcom.InstantiationInfoData{
				ClassID:          wmi.Level1LoginClassID,
				IIDCount:         1,
				IID:              []*dcom.IID{iwbemlevel1login.Level1LoginIID},
				ClientCOMVersion: version,
			},
			&dcom.LocationInfoData{},
			&dcom.ActivationContextInfoData{},
			&dcom.SCMRequestInfoData{
				RemoteRequest: &dcom.CustomRemoteRequestSCMInfo{RequestedProtocolSequencesCount: 1, RequestedProtocolSequences: []uint16{7}},
			},
		},
	}
	in, err := properties.ActivationPropertiesIn()
	if err != nil {
		return nil, err
	}
	out, err := scm.RemoteCreateInstance(activation, &iremotescmactivator.RemoteCreateInstanceRequest{
		ORPCThis:        &dcom.ORPCThis{Version: version, Flags: 1, CID: &dcom.CID{}},
		ActPropertiesIn: in,
	})
	if err != nil {
		return nil, fmt.Errorf("activate: %w", err)
	}
	var reply dcom.ActivationProperties
	if err := reply.Parse(out.ActPropertiesOut); err != nil {
		return nil, fmt.Errorf("activate: %w", err)
	}
	s := &session{opts: opts, version: version, services: map[string]*dcom.IPID{}}
	var bindings *dcom.DualStringArray
	for _, property := range reply.Properties {
		switch property := property.(type) {
		case *dcom.SCMReplyInfoData:
			bindings, s.unknown = property.RemoteReply.OXIDBindings, property.RemoteReply.IPIDRemoteUnknown
			s.oxid = property.RemoteReply.OXID
		case *dcom.PropertiesOutInfo:
			s.login = property.InterfaceData[0].IPID()
			s.oid = property.InterfaceData[0].GetStandardObjectReference().Std.OID
		}
	}
	if bindings == nil || s.login == nil {
		return nil, errors.New("activate: the reply lacks bindings or the interface")
	}
	s.published = append(s.published, s.login)

	s.conn, err = dcerpc.Dial(ctx, p.Host, append(bindings.EndpointsByProtocol("ncacn_ip_tcp"), timeout)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the object exporter: %w", err)
	}
	s.security = gssapi.NewSecurityContext(ctx)
	return s, nil
}

// this is the header of every object call.
func (s *session) this() *dcom.ORPCThis {
	return &dcom.ORPCThis{Version: s.version, CID: &dcom.CID{}}
}

// open logs in to a namespace, once.
func (s *session) open(namespace string) (*dcom.IPID, error) {
	if known, ok := s.services[namespace]; ok {
		return known, nil
	}
	opts := append([]dcerpc.Option{dcom.WithIPID(s.login)}, s.opts...)
	login, err := iwbemlevel1login.NewLevel1LoginClient(s.security, s.conn, opts...)
	if err != nil {
		return nil, fmt.Errorf("bind to IWbemLevel1Login: %w", err)
	}
	reply, err := login.NTLMLogin(s.security, &iwbemlevel1login.NTLMLoginRequest{
		This: s.this(), NetworkResource: "//./" + namespace,
	})
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	ipid := reply.Namespace.InterfacePointer().IPID()
	s.services[namespace] = ipid
	s.published = append(s.published, ipid)
	return ipid, nil
}

// descend opens a namespace from the one above it.
func (s *session) descend(namespace string) (*dcom.IPID, error) {
	at := strings.LastIndex(namespace, "/")
	above, err := s.open(namespace[:at])
	if err != nil {
		return nil, err
	}
	services, err := iwbemservices.NewServicesClient(s.security, s.conn, dcom.WithIPID(above))
	if err != nil {
		return nil, fmt.Errorf("bind to IWbemServices: %w", err)
	}
	reply, err := services.OpenNamespace(s.security, &iwbemservices.OpenNamespaceRequest{
		This: s.this(), Namespace: &oaut.String{Data: namespace[at+1:]}, WorkingNamespace: &wmi.Services{},
	})
	if reply != nil && reply.Return != 0 {
		return nil, fmt.Errorf("status %#08x", uint32(reply.Return))
	}
	if err != nil {
		return nil, fmt.Errorf("open namespace: %w", err)
	}
	ipid := reply.WorkingNamespace.InterfacePointer().IPID()
	s.published = append(s.published, ipid)
	return ipid, nil
}

// run carries out one job and returns the number of rows printed.
func (s *session) run(ctx context.Context, j *job) (int, error) {
	enter := s.open
	if j.Opened {
		enter = s.descend
	}
	ipid, err := enter(j.Namespace)
	if err != nil {
		return 0, err
	}
	services, err := iwbemservices.NewServicesClient(s.security, s.conn, dcom.WithIPID(ipid))
	if err != nil {
		return 0, fmt.Errorf("bind to IWbemServices: %w", err)
	}
	if j.Path != "" {
		return s.call(services, j)
	}
	exec := func(flags int32) (*dcom.IPID, error) {
		query, err := services.ExecQuery(s.security, &iwbemservices.ExecQueryRequest{
			This:          s.this(),
			QueryLanguage: &oaut.String{Data: "WQL"},
			Query:         &oaut.String{Data: j.Query},
			Flags:         flags,
		})
		if err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		return query.Enum.InterfacePointer().IPID(), nil
	}
	enumerator, err := exec(queryFlags)
	if err != nil {
		return 0, err
	}
	defer s.release(enumerator)
	if j.Walk {
		forth, err := exec(walkFlags)
		if err != nil {
			return 0, err
		}
		defer s.release(forth)
		return s.walk(j, forth, enumerator)
	}
	if j.Enumerator == "next" {
		return s.next(j, enumerator)
	}
	return s.smart(j, enumerator)
}

// next drains IEnumWbemClassObject.
func (s *session) next(j *job, ipid *dcom.IPID) (int, error) {
	client, err := ienumwbemclassobject.NewEnumClassObjectClient(s.security, s.conn, dcom.WithIPID(ipid))
	if err != nil {
		return 0, fmt.Errorf("bind to IEnumWbemClassObject: %w", err)
	}
	rows := 0
	for {
		reply, err := client.Next(s.security, &ienumwbemclassobject.NextRequest{This: s.this(), Timeout: -1, Count: j.Batch})
		if reply == nil {
			return rows, fmt.Errorf("Next: %w", err)
		}
		for _, object := range reply.Objects {
			if object == nil {
				continue
			}
			custom := object.InterfacePointer().GetCustomObjectReference()
			if custom == nil {
				return rows, errors.New("Next: an object is not marshalled by value")
			}
			print(j, func() (*wmio.Object, error) { return wmio.Unmarshal(custom.ObjectData) })
			rows++
		}
		if end, err := ended(reply.Return, err); end {
			return rows, err
		}
	}
}

// walk reads some rows with Next, Skip, Reset and Clone, and checks that a forward-only enumerator refuses them.
func (s *session) walk(j *job, ipid, once *dcom.IPID) (int, error) {
	rows := 0
	read := func(ipid *dcom.IPID, count uint32) error {
		client, err := ienumwbemclassobject.NewEnumClassObjectClient(s.security, s.conn, dcom.WithIPID(ipid))
		if err != nil {
			return err
		}
		reply, err := client.Next(s.security, &ienumwbemclassobject.NextRequest{This: s.this(), Timeout: -1, Count: count})
		if reply == nil {
			return fmt.Errorf("Next: %w", err)
		}
		for _, object := range reply.Objects {
			if object == nil {
				continue
			}
			custom := object.InterfacePointer().GetCustomObjectReference()
			print(j, func() (*wmio.Object, error) { return wmio.Unmarshal(custom.ObjectData) })
			rows++
		}
		return nil
	}
	move := func(ipid *dcom.IPID, what string, count uint32, wanted uint32) (*dcom.IPID, error) {
		client, err := ienumwbemclassobject.NewEnumClassObjectClient(s.security, s.conn, dcom.WithIPID(ipid))
		if err != nil {
			return nil, err
		}
		var status int32
		var copied *dcom.IPID
		switch what {
		case "Reset":
			reply, err := client.Reset(s.security, &ienumwbemclassobject.ResetRequest{This: s.this()})
			if reply == nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			status = reply.Return
		case "Skip":
			reply, err := client.Skip(s.security, &ienumwbemclassobject.SkipRequest{This: s.this(), Timeout: -1, Count: count})
			if reply == nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			status = reply.Return
		default:
			reply, err := client.Clone(s.security, &ienumwbemclassobject.CloneRequest{This: s.this()})
			if reply == nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			status = reply.Return
			if status == 0 {
				copied = reply.Enum.InterfacePointer().IPID()
			}
		}
		if uint32(status) != wanted {
			return nil, fmt.Errorf("%s: %#08x in place of %#08x", what, uint32(status), wanted)
		}
		return copied, nil
	}
	if err := read(ipid, 3); err != nil {
		return rows, err
	}
	copied, err := move(ipid, "Clone", 0, 0)
	if err != nil {
		return rows, err
	}
	defer s.release(copied)
	for _, step := range []func() error{
		func() error { _, err := move(ipid, "Skip", 10, 0); return err },
		func() error { return read(ipid, 2) },
		func() error { return read(copied, 2) },
		func() error { _, err := move(ipid, "Reset", 0, 0); return err },
		func() error { return read(ipid, 1) },
		func() error { _, err := move(ipid, "Skip", 1000, wbemSFalse); return err },
		func() error { return read(ipid, 1) },
		func() error { _, err := move(copied, "Reset", 0, 0); return err },
		func() error { return read(copied, 1) },
		func() error { _, err := move(once, "Reset", 0, wbemEInvalidOperation); return err },
		func() error { _, err := move(once, "Clone", 0, wbemEInvalidOperation); return err },
		func() error { _, err := move(once, "Skip", 1, wbemEInvalidOperation); return err },
	} {
		if err := step(); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// smart drains IWbemWCOSmartEnum.
func (s *session) smart(j *job, ipid *dcom.IPID) (int, error) {
	unknown, err := iremunknown.NewRemoteUnknownClient(s.security, s.conn, dcom.WithIPID(s.unknown))
	if err != nil {
		return 0, fmt.Errorf("bind to IRemUnknown: %w", err)
	}
	found, err := unknown.RemoteQueryInterface(s.security, &iremunknown.RemoteQueryInterfaceRequest{
		This: s.this(), IPID: ipid.GUID(), ReferencesCount: publicRefs, IIDsCount: 1,
		IIDs: []*dcom.IID{iwbemfetchsmartenum.FetchSmartEnumIID},
	})
	if err != nil {
		return 0, fmt.Errorf("RemQueryInterface: %w", err)
	}
	fetcher := found.QueryInterfaceResults[0].Std.IPID
	defer s.release(fetcher)
	fetch, err := iwbemfetchsmartenum.NewFetchSmartEnumClient(s.security, s.conn, dcom.WithIPID(fetcher))
	if err != nil {
		return 0, fmt.Errorf("bind to IWbemFetchSmartEnum: %w", err)
	}
	got, err := fetch.GetSmartEnum(s.security, &iwbemfetchsmartenum.GetSmartEnumRequest{This: s.this()})
	if err != nil {
		return 0, fmt.Errorf("GetSmartEnum: %w", err)
	}
	enumerator := got.SmartEnum.InterfacePointer().IPID()
	defer s.release(enumerator)
	client, err := iwbemwcosmartenum.NewWCOSmartEnumClient(s.security, s.conn, dcom.WithIPID(enumerator))
	if err != nil {
		return 0, fmt.Errorf("bind to IWbemWCOSmartEnum: %w", err)
	}
	classes := map[string]*wmio.Class{}
	rows := 0
	for {
		reply, err := client.Next(s.security, &iwbemwcosmartenum.NextRequest{
			This: s.this(), ProxyGUID: &dtyp.GUID{Data1: 1, Data4: make([]byte, 8)}, Timeout: -1, Count: j.Batch,
		})
		if reply == nil {
			return rows, fmt.Errorf("smart Next: %w", err)
		}
		if len(reply.Buffer) > 0 {
			packet, err := wmi.UnmarshalObjectArrayWithClasses(reply.Buffer, classes)
			if err != nil {
				return rows, fmt.Errorf("smart Next: %w", err)
			}
			for _, object := range packet.Objects {
				print(j, func() (*wmio.Object, error) { return object.Object, nil })
				rows++
			}
		}
		if end, err := ended(reply.Return, err); end {
			return rows, err
		}
	}
}

// ended tells from the status of a Next call whether it was the last one.
func ended(status int32, err error) (bool, error) {
	switch {
	case status == wbemSFalse:
		return true, nil
	case status == 0 || status == wbemSTimedOut:
		return false, nil
	default:
		return true, err
	}
}

// release gives back all references that the host handed out for an interface.
func (s *session) release(ipids ...*dcom.IPID) {
	unknown, err := iremunknown.NewRemoteUnknownClient(s.security, s.conn, dcom.WithIPID(s.unknown))
	if err != nil {
		return
	}
	references := make([]*dcom.RemoteInterfaceReference, len(ipids))
	for i, ipid := range ipids {
		references[i] = &dcom.RemoteInterfaceReference{IPID: ipid, PublicReferencesCount: publicRefs}
	}
	_, _ = unknown.RemoteRelease(s.security, &iremunknown.RemoteReleaseRequest{
		This: s.this(), InterfaceReferencesCount: uint16(len(ipids)), InterfaceReferences: references,
	})
}

// close releases what is left and closes the connection.
func (s *session) close(ctx context.Context) {
	s.release(s.published...)
	_ = s.conn.Close(ctx)
}

// print decodes one object and prints it; a decoder that panics costs the row its values, not the program its life.
func print(j *job, decode func() (*wmio.Object, error)) {
	line(map[string]any{"job": j.ID, "row": row(decode)})
}

// row is the JSON form of one instance.
func row(decode func() (*wmio.Object, error)) (values map[string]any) {
	defer func() {
		if cause := recover(); cause != nil {
			values = map[string]any{"__CLASS": nil, "__error": fmt.Sprint(cause)}
		}
	}()
	object, err := decode()
	if err != nil {
		return map[string]any{"__CLASS": nil, "__error": err.Error()}
	}
	return instance(object)
}

// instance is the JSON form of an instance, with its own values where it has some and those of its class elsewhere.
func instance(object *wmio.Object) map[string]any {
	values := map[string]any{"__CLASS": object.Instance.CurrentClass.Name}
	defaults := map[string]any{}
	for _, property := range object.Instance.CurrentClass.Properties {
		if !property.Nullable {
			defaults[property.Name] = plain(property.Value)
		}
	}
	for _, property := range object.Instance.Properties {
		switch {
		case property.Nullable:
			values[property.Name] = nil
		case property.InheritDefault:
			values[property.Name] = defaults[property.Name]
		default:
			values[property.Name] = plain(property.Value)
		}
	}
	return values
}

// plain is the JSON form of one value: that of `wmi query -o jsonl`.
func plain(value wmio.Value) any {
	switch v := value.Value.(type) {
	case []uint8:
		numbers := make([]int, len(v))
		for i, number := range v {
			numbers[i] = int(number)
		}
		return numbers
	case float32:
		return real(float64(v), 32)
	case float64:
		return real(v, 64)
	case []float32:
		numbers := make([]any, len(v))
		for i, number := range v {
			numbers[i] = real(float64(number), 32)
		}
		return numbers
	case []float64:
		numbers := make([]any, len(v))
		for i, number := range v {
			numbers[i] = real(number, 64)
		}
		return numbers
	case *wmio.Object:
		return instance(v)
	case []*wmio.Object:
		objects := make([]any, len(v))
		for i, object := range v {
			objects[i] = instance(object)
		}
		return objects
	default:
		return v
	}
}

// real is the shortest JSON number that reads back to the same real, or its name as a string.
func real(value float64, bits int) any {
	switch {
	case math.IsNaN(value):
		return "NaN"
	case math.IsInf(value, 1):
		return "Infinity"
	case math.IsInf(value, -1):
		return "-Infinity"
	default:
		return json.Number(strings.TrimPrefix(strconv.FormatFloat(value, 'g', -1, bits), "+"))
	}
}
