// SPDX-License-Identifier: GPL-2.0-or-later

// Go that is busy for as many seconds as it is told: goroutines, garbage, an HTTP server and its clients.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func work(n int) int {
	m := map[string]int{}
	for i := 0; i < n; i++ {
		m[fmt.Sprintf("k%d", i%997)] += i
	}
	keys := []string{}
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	text, _ := json.Marshal(m)
	var back map[string]int
	json.Unmarshal(text, &back)
	return len(strings.Join(keys, ",")) + len(back)
}

// The vdso is asked on the thread's own stack.
//
//go:noinline
func clocks(n int) (sum int64) {
	for i := 0; i < n; i++ {
		sum += time.Now().UnixNano()
	}
	return sum
}

func main() {
	seconds, _ := strconv.Atoi(os.Args[1])
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, work(300))
	}))
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(end) {
				work(5000)
				clocks(20000)
				if r, err := http.Get(server.URL); err == nil {
					io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	all.Wait()
}
