// Go's grpc as a server and as a client of the service in grpc.interop.ts.
//
//	go-grpc serve PORT | go-grpc ask HOST:PORT
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// raw passes messages on as they are.
type raw struct{}

func (raw) Marshal(value any) ([]byte, error)      { return *value.(*[]byte), nil }
func (raw) Unmarshal(data []byte, value any) error { *value.(*[]byte) = bytes.Clone(data); return nil }
func (raw) Name() string                           { return "proto" }

const large = 16_000_000

var cancelled atomic.Int64

func unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var request []byte
	if err := decode(&request); err != nil {
		return nil, err
	}
	word, _, _ := strings.Cut(string(request[:min(20, len(request))]), " ")
	switch word {
	case "fail":
		return nil, status.Error(codes.NotFound, "failed: ä%")
	case "sleep":
		<-ctx.Done()
		cancelled.Add(1)
		return nil, ctx.Err()
	case "cancelled":
		count := []byte(strconv.FormatInt(cancelled.Load(), 10))
		return &count, nil
	}
	if incoming, ok := metadata.FromIncomingContext(ctx); ok {
		for _, value := range incoming.Get("x-key") {
			grpc.SetTrailer(ctx, metadata.Pairs("x-echo", value))
		}
	}
	return &request, nil
}

func serverStream(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	count, _ := strconv.Atoi(string(request))
	for index := range count {
		message := []byte(strconv.Itoa(index))
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func clientStream(_ any, stream grpc.ServerStream) error {
	total := 0
	for {
		var request []byte
		if err := stream.RecvMsg(&request); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		total += len(request)
	}
	answer := []byte(strconv.Itoa(total))
	return stream.SendMsg(&answer)
}

func bidi(_ any, stream grpc.ServerStream) error {
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func serve(port string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(large), grpc.MaxSendMsgSize(large))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "kinglet.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", Handler: serverStream, ServerStreams: true},
			{StreamName: "ClientStream", Handler: clientStream, ClientStreams: true},
			{StreamName: "Bidi", Handler: bidi, ServerStreams: true, ClientStreams: true},
		},
	}, struct{}{})
	log.Fatal(server.Serve(listener))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ask(target string) {
	connection, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(large), grpc.MaxCallSendMsgSize(large)))
	must(err)
	all, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	echo := func(ctx context.Context, request string, options ...grpc.CallOption) (string, error) {
		message, answer := []byte(request), []byte(nil)
		err := connection.Invoke(ctx, "/kinglet.Echo/Unary", &message, &answer, options...)
		return string(answer), err
	}
	open := func(name string, server, client bool) grpc.ClientStream {
		stream, err := connection.NewStream(all, &grpc.StreamDesc{ServerStreams: server, ClientStreams: client}, "/kinglet.Echo/"+name)
		must(err)
		return stream
	}
	send := func(stream grpc.ClientStream, text string) {
		message := []byte(text)
		must(stream.SendMsg(&message))
	}
	receive := func(stream grpc.ClientStream) []string {
		var messages []string
		for {
			var message []byte
			if err := stream.RecvMsg(&message); err == io.EOF {
				return messages
			} else {
				must(err)
			}
			messages = append(messages, string(message))
		}
	}
	found := map[string]any{}
	var trailer metadata.MD
	hello, err := echo(metadata.AppendToOutgoingContext(all, "x-key", "value"), "hello", grpc.Trailer(&trailer))
	must(err)
	found["unary"] = []string{hello, strings.Join(trailer.Get("x-echo"), ",")}
	answer, err := echo(all, strings.Repeat("x", 5_000_000))
	must(err)
	found["large"] = len(answer)
	numbers := open("ServerStream", true, false)
	send(numbers, "100")
	must(numbers.CloseSend())
	found["serverStream"] = len(receive(numbers))
	upload := open("ClientStream", false, true)
	for range 50 {
		send(upload, strings.Repeat("y", 20_000))
	}
	must(upload.CloseSend())
	var total []byte
	must(upload.RecvMsg(&total))
	found["clientStream"] = string(total)
	both := open("Bidi", true, true)
	for _, letter := range []string{"a", "b", "c"} {
		send(both, letter)
	}
	must(both.CloseSend())
	found["bidi"] = strings.Join(receive(both), ",")
	_, err = echo(all, "fail")
	found["fails"] = []any{status.Code(err), status.Convert(err).Message()}
	empty, ignored := []byte{}, []byte(nil)
	found["unimplemented"] = status.Code(connection.Invoke(all, "/kinglet.Echo/Nothing", &empty, &ignored))
	short, done := context.WithTimeout(all, 300*time.Millisecond)
	_, err = echo(short, "sleep")
	done()
	found["deadline"] = status.Code(err)
	pending, cancel := context.WithCancel(all)
	time.AfterFunc(200*time.Millisecond, cancel)
	_, _ = echo(pending, "sleep")
	count := 0
	for attempt := 0; attempt < 200 && count < 2; attempt++ {
		text, err := echo(all, "cancelled")
		must(err)
		count, _ = strconv.Atoi(text)
		time.Sleep(50 * time.Millisecond)
	}
	found["cancelled"] = count
	text, err := json.Marshal(found)
	must(err)
	fmt.Println(string(text))
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go-grpc serve PORT | go-grpc ask HOST:PORT")
	}
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	} else {
		ask(os.Args[2])
	}
}
