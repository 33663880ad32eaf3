// Go's net/http as the app behind the sidecar, and as a client in front of it.
//
//	go-http serve PORT      answers each request with its number of the process, method, path and body as JSON
//	go-http ask URL         makes requests of several kinds, one after the other; prints what came back as JSON
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync/atomic"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		log.Fatal(serve("127.0.0.1:" + os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "ask" {
		if err := ask(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	log.Fatal("usage: go-http serve PORT | go-http ask URL")
}

type seen struct {
	Number int64  `json:"number"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   string `json:"body"`
}

// serve answers with what it saw. /count says how many requests came before, and is not counted itself.
func serve(address string) error {
	var count atomic.Int64
	http.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, count.Load()) })
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		number := count.Add(1)
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(seen{number, r.Method, r.URL.Path, string(body)})
	})
	return http.ListenAndServe(address, nil)
}

type answer struct {
	Status  int    `json:"status"`
	Proto   string `json:"proto"`
	Body    string `json:"body"`
	Trailer string `json:"trailer"`
}

func ask(url string) error {
	asks := []func() (*http.Response, error){
		func() (*http.Response, error) { return http.Get(url + "/get") },
		func() (*http.Response, error) { return http.Post(url+"/post", "text/plain", bytes.NewBufferString("hello")) },
		// A reader of unknown length goes out in chunks.
		func() (*http.Response, error) { return http.Post(url+"/chunked", "text/plain", io.MultiReader(bytes.NewBufferString("hel"), bytes.NewBufferString("lo"))) },
		func() (*http.Response, error) { return http.Head(url + "/head") },
		func() (*http.Response, error) {
			request, err := http.NewRequest("DELETE", url+"/delete", io.MultiReader(bytes.NewBufferString("hello")))
			if err != nil {
				return nil, err
			}
			request.Header.Set("Expect", "100-continue")
			request.Trailer = http.Header{"X-Sum": {"5"}}
			return http.DefaultClient.Do(request)
		},
	}
	answers := []answer{}
	for _, do := range asks {
		response, err := do()
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		answers = append(answers, answer{response.StatusCode, response.Proto, string(body), response.Trailer.Get("X-Sum")})
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}
