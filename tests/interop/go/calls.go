package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	iremunknown "github.com/oiweiwei/go-msrpc/msrpc/dcom/iremunknown/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi"
	iwbemclassobject "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemclassobject/v0"
	iwbemloginclientid "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemloginclientid/v0"
	iwbemservices "github.com/oiweiwei/go-msrpc/msrpc/dcom/wmi/iwbemservices/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/wmio"
	"github.com/oiweiwei/go-msrpc/ndr"
)

// argument is a named in-parameter of a method.
type argument struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// introduce calls IWbemLoginClientID::SetClientInfo.
func (s *session) introduce(name string) error {
	unknown, err := iremunknown.NewRemoteUnknownClient(s.security, s.conn, append([]dcerpc.Option{dcom.WithIPID(s.unknown)}, s.opts...)...)
	if err != nil {
		return fmt.Errorf("bind to IRemUnknown: %w", err)
	}
	found, err := unknown.RemoteQueryInterface(s.security, &iremunknown.RemoteQueryInterfaceRequest{
		This: s.this(), IPID: s.login.GUID(), ReferencesCount: publicRefs, IIDsCount: 1,
		IIDs: []*dcom.IID{iwbemloginclientid.LoginClientIDIID},
	})
	if err != nil {
		return fmt.Errorf("RemQueryInterface: %w", err)
	}
	ipid := found.QueryInterfaceResults[0].Std.IPID
	s.published = append(s.published, ipid)
	client, err := iwbemloginclientid.NewLoginClientIDClient(s.security, s.conn, dcom.WithIPID(ipid))
	if err != nil {
		return fmt.Errorf("bind to IWbemLoginClientID: %w", err)
	}
	_, err = client.SetClientInfo(s.security, &iwbemloginclientid.SetClientInfoRequest{
		This: s.this(), ClientMachine: name, ClientProcID: 4711,
	})
	return err
}

// call gets an object or calls a method, and prints what it is given.
func (s *session) call(services iwbemservices.ServicesClient, j *job) (int, error) {
	if j.Method == "" {
		object, err := s.object(services, j.Path)
		if err != nil {
			return 0, err
		}
		line(map[string]any{"job": j.ID, "row": described(object)})
		return 1, nil
	}
	class, err := s.object(services, j.Class)
	if err != nil {
		return 0, err
	}
	signature, _, err := class.Method(j.Method)
	if err != nil {
		return 0, err
	}
	request := &iwbemservices.ExecMethodRequest{
		This:       s.this(),
		ObjectPath: &oaut.String{Data: j.Path},
		MethodName: &oaut.String{Data: j.Method},
		OutParams:  &wmi.ClassObject{},
	}
	if signature.Class != nil {
		if request.InParams, err = s.parameters(services, signature, j.Arguments); err != nil {
			return 0, err
		}
	}
	reply, err := services.ExecMethod(s.security, request)
	if reply != nil && reply.Return != 0 {
		return 0, fmt.Errorf("status %#08x", uint32(reply.Return))
	}
	if err != nil {
		return 0, err
	}
	if reply.OutParams == nil {
		line(map[string]any{"job": j.ID, "row": map[string]any{"__CLASS": nil}})
		return 1, nil
	}
	print(j, func() (*wmio.Object, error) { return unmarshalled(reply.OutParams) })
	return 1, nil
}

// object is what GetObject gives.
func (s *session) object(services iwbemservices.ServicesClient, path string) (*wmio.Object, error) {
	reply, err := services.GetObject(s.security, &iwbemservices.GetObjectRequest{
		This: s.this(), ObjectPath: &oaut.String{Data: path}, Object: &wmi.ClassObject{},
	})
	if reply != nil && reply.Return != 0 {
		return nil, fmt.Errorf("status %#08x", uint32(reply.Return))
	}
	if err != nil {
		return nil, err
	}
	return unmarshalled(reply.Object)
}

// parameters is an instance of a signature, marshalled by value.
func (s *session) parameters(services iwbemservices.ServicesClient, signature *wmio.Object, arguments []argument) (*wmi.ClassObject, error) {
	values := wmio.Values{}
	for _, property := range signature.Class.CurrentClass.Properties {
		for _, argument := range arguments {
			if argument.Name != property.Name {
				continue
			}
			value, err := s.typed(services, argument.Value, property.Value.Type)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", argument.Name, err)
			}
			values[property.Name] = value
		}
	}
	object, err := signature.New(values)
	if err != nil {
		return nil, err
	}
	octets, err := wmio.Marshal(object)
	if err != nil {
		return nil, err
	}
	octets, err = ndr.Marshal(&dcom.ObjectReference{
		Signature: []byte(dcom.ObjectReferenceCustomSignature),
		Flags:     dcom.ObjectReferenceTypeCustom,
		IID:       iwbemclassobject.ClassObjectIID,
		ObjectReference: &dcom.ObjectReference_ObjectReference{Value: &dcom.ObjectReference_Custom{
			Custom: &dcom.ObjectReferenceCustom{ClassID: wmi.ClassObjectUnmarshalClassID, ObjectData: octets},
		}},
	}, ndr.Opaque)
	if err != nil {
		return nil, err
	}
	return &wmi.ClassObject{Data: octets}, nil
}

// typed is the value of a parameter's type; nil is NULL.
func (s *session) typed(services iwbemservices.ServicesClient, text json.RawMessage, kind wmio.CIMType) (any, error) {
	if string(text) == "null" {
		return nil, nil
	}
	if kind == wmio.CIMObject {
		var members map[string]json.RawMessage
		var class string
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(members["__CLASS"], &class); err != nil {
			return nil, err
		}
		definition, err := s.object(services, class)
		if err != nil {
			return nil, err
		}
		values := wmio.Values{}
		for _, property := range definition.Class.CurrentClass.Properties {
			if member, ok := members[property.Name]; ok {
				if values[property.Name], err = s.typed(services, member, property.Value.Type); err != nil {
					return nil, err
				}
			}
		}
		object, err := definition.New(values)
		return wmio.Value{Type: kind, Value: object}, err
	}
	var value any
	var err error
	switch kind {
	case wmio.Bool:
		value, err = read[bool](text)
	case wmio.Int8:
		value, err = read[int8](text)
	case wmio.Uint8:
		value, err = read[uint8](text)
	case wmio.Int16:
		value, err = read[int16](text)
	case wmio.Uint16, wmio.Rune:
		value, err = read[uint16](text)
	case wmio.Int32:
		value, err = read[int32](text)
	case wmio.Uint32:
		value, err = read[uint32](text)
	case wmio.Int64:
		value, err = read[int64](text)
	case wmio.Uint64:
		value, err = read[uint64](text)
	case wmio.Float32:
		value, err = read[float32](text)
	case wmio.Float64:
		value, err = read[float64](text)
	case wmio.String, wmio.DateTime, wmio.Ref:
		value, err = read[string](text)
	case wmio.StringArray:
		value, err = read[[]string](text)
	case wmio.Int32Array:
		value, err = read[[]int32](text)
	case wmio.Uint64Array:
		value, err = read[[]uint64](text)
	default:
		err = errors.New("no parameter of type " + strconv.Itoa(int(kind)))
	}
	return wmio.Value{Type: kind, Value: value}, err
}

func read[T any](text json.RawMessage) (T, error) {
	var value T
	err := json.Unmarshal(text, &value)
	return value, err
}

// unmarshalled is the object in an OBJREF_CUSTOM.
func unmarshalled(object *wmi.ClassObject) (*wmio.Object, error) {
	custom := object.InterfacePointer().GetCustomObjectReference()
	if custom == nil {
		return nil, errors.New("an object is not marshalled by value")
	}
	return wmio.Unmarshal(custom.ObjectData)
}

// described is the JSON form of an instance, or of a class: the names of its properties and methods.
func described(object *wmio.Object) map[string]any {
	if object.Class == nil {
		return row(func() (*wmio.Object, error) { return object, nil })
	}
	properties, methods := []string{}, []string{}
	for _, property := range object.Class.CurrentClass.Properties {
		properties = append(properties, property.Name)
	}
	for _, method := range object.Class.CurrentClassMethods.Methods {
		methods = append(methods, method.Name)
	}
	sort.Strings(properties)
	sort.Strings(methods)
	return map[string]any{"__CLASS": object.Class.CurrentClass.Name, "properties": properties, "methods": methods}
}
