package app

import (
	"context"
	"errors"
	"os"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// OpenAPI returns the OpenAPI document of the API, as the server answers it at
// /api/v2/openapi.json. It needs no installation.
func OpenAPI(ctx context.Context) (document []byte, err error) {
	dir, err := os.MkdirTemp("", "plumbline-openapi-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := New(ctx, config.Server{DataDir: dir, Blobs: "file", UnsafeSync: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Router.Document()
}
