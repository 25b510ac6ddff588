package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	iobjectexporter "github.com/oiweiwei/go-msrpc/msrpc/dcom/iobjectexporter/v0"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"
)

// orInvalidSet and orInvalidOID are what the resolver answers for what it does not know ([MS-ERREF] 2.2).
const (
	orInvalidOID = 1911
	orInvalidSet = 1912
)

// ping asks the object resolver everything that it can be asked, and leaves a set that holds the log-in object.
func (s *session) ping(ctx context.Context, p *plan) error {
	address, timeout := net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), dcerpc.WithTimeout(20*time.Second)
	open, err := dcerpc.Dial(ctx, address, timeout)
	if err != nil {
		return err
	}
	defer open.Close(ctx)
	anybody, err := iobjectexporter.NewObjectExporterClient(ctx, open, dcerpc.WithInsecure())
	if err != nil {
		return fmt.Errorf("bind without security: %w", err)
	}
	alive, err := anybody.ServerAlive2(ctx, &iobjectexporter.ServerAlive2Request{})
	if err != nil {
		return fmt.Errorf("ServerAlive2: %w", err)
	}
	if *alive.COMVersion != *s.version {
		return fmt.Errorf("ServerAlive2: version %v", alive.COMVersion)
	}
	if _, err := anybody.SimplePing(ctx, &iobjectexporter.SimplePingRequest{SetID: 1}); err == nil {
		return errors.New("a ping without security is taken")
	}

	conn, err := dcerpc.Dial(ctx, address, timeout)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	security := gssapi.NewSecurityContext(ctx)
	resolver, err := iobjectexporter.NewObjectExporterClient(security, conn, s.opts...)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	where, err := resolver.ResolveOxid2(security, &iobjectexporter.ResolveOxid2Request{
		OXID: s.oxid, RequestedProtocolSequencesCount: 1, RequestedProtocolSequences: []uint16{7},
	})
	if err != nil {
		return fmt.Errorf("ResolveOxid2: %w", err)
	}
	if len(where.OXIDBindings.EndpointsByProtocol("ncacn_ip_tcp")) == 0 {
		return errors.New("ResolveOxid2: no place")
	}
	// The object is put into a new set, taken out, and put in again.
	set, err := resolver.ComplexPing(security, &iobjectexporter.ComplexPingRequest{
		SequenceNum: 1, AddToSetCount: 1, AddToSet: []uint64{s.oid},
	})
	if err != nil {
		return fmt.Errorf("ComplexPing: %w", err)
	}
	changes := []*iobjectexporter.ComplexPingRequest{
		{SetID: set.SetID, SequenceNum: 2, DeleteFromSetCount: 1, DeleteFromSet: []uint64{s.oid}},
		{SetID: set.SetID, SequenceNum: 3, AddToSetCount: 1, AddToSet: []uint64{s.oid}},
	}
	for _, change := range changes {
		if _, err := resolver.ComplexPing(security, change); err != nil {
			return fmt.Errorf("ComplexPing: %w", err)
		}
	}
	if _, err := resolver.SimplePing(security, &iobjectexporter.SimplePingRequest{SetID: set.SetID}); err != nil {
		return fmt.Errorf("SimplePing: %w", err)
	}
	_, err = resolver.SimplePing(security, &iobjectexporter.SimplePingRequest{SetID: ^set.SetID})
	if err := refusedWith(err, orInvalidSet); err != nil {
		return fmt.Errorf("SimplePing of an unknown set: %w", err)
	}
	_, err = resolver.ComplexPing(security, &iobjectexporter.ComplexPingRequest{
		SetID: set.SetID, SequenceNum: 4, AddToSetCount: 1, AddToSet: []uint64{^s.oid},
	})
	if err := refusedWith(err, orInvalidOID); err != nil {
		return fmt.Errorf("ComplexPing of an unknown object: %w", err)
	}
	return nil
}

// refusedWith says what is wrong unless err is that refusal, which go-msrpc tells in words only.
func refusedWith(err error, code uint32) error {
	switch {
	case err == nil:
		return errors.New("taken")
	case strings.Contains(err.Error(), fmt.Sprintf("0x%08x", code)), strings.Contains(err.Error(), strconv.Itoa(int(code))):
		return nil
	default:
		return err
	}
}
