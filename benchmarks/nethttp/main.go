// Go's net/http answering from memory: what was PUT is what a GET gets, nothing else.
//
// Its answers carry what a player and a cache need, and less than Sorgente's do: the rival has the
// benefit of the doubt.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
)

type object struct {
	contentType, encoding, etag, length string
	body                                []byte
}

var (
	objects = map[string]*object{}
	lock    sync.RWMutex
)

func put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	lock.Lock()
	objects[r.URL.Path] = &object{
		contentType: r.Header.Get("Content-Type"),
		encoding:    r.Header.Get("Content-Encoding"),
		etag:        r.Header.Get("ETag"),
		length:      strconv.Itoa(len(body)),
		body:        body,
	}
	lock.Unlock()
	w.WriteHeader(http.StatusCreated)
}

func get(w http.ResponseWriter, r *http.Request) {
	lock.RLock()
	found := objects[r.URL.Path]
	lock.RUnlock()
	if found == nil {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("ETag", found.etag)
	if r.Header.Get("If-None-Match") == found.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", found.contentType)
	header.Set("Content-Length", found.length)
	if found.encoding != "" {
		header.Set("Content-Encoding", found.encoding)
	}
	if _, err := w.Write(found.body); err != nil {
		log.Println(err)
	}
}

func main() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			put(w, r)
		} else {
			get(w, r)
		}
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(handler)))
}
