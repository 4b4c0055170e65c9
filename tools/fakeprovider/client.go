package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// client talks to the cloud. It tries again where the cloud says that it is busy or broken.
type client struct {
	base   string
	faults map[string]string
}

const attempts = 5

// do sends a request; found is false if there is no such object.
func (c *client) do(ctx context.Context, method, path string, body any) (o map[string]any, found bool, err error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, false, err
	}
	for attempt := range attempts {
		o, status, err := c.once(ctx, method, path, content)
		switch {
		case err != nil:
			return nil, false, err
		case status == http.StatusNotFound:
			return nil, false, nil
		case status < 300:
			return o, true, nil
		case status != http.StatusTooManyRequests && status < 500:
			return nil, false, fmt.Errorf("%s %s: %d", method, path, status)
		}
		time.Sleep(time.Duration(10<<attempt) * time.Millisecond)
	}
	return nil, false, fmt.Errorf("%s %s: the cloud did not answer in %d attempts", method, path, attempts)
}

func (c *client) once(ctx context.Context, method, path string, content []byte) (map[string]any, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(content))
	if err != nil {
		return nil, 0, err
	}
	for name, value := range c.faults {
		req.Header.Set("Fault-"+name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	var o map[string]any
	if resp.StatusCode < 300 {
		err = json.NewDecoder(resp.Body).Decode(&o)
	}
	return o, resp.StatusCode, err
}

func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
