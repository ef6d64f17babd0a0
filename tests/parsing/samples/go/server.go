// Package server answers requests.
package server

import (
	"context"
	"net/http"
)

// MaxConns bounds open connections.
const MaxConns = 64

const (
	// StateIdle waits.
	StateIdle = iota
	StateBusy
)

var (
	ErrClosed = errors.New("closed")
	a, b      int
)

// Handler answers one request.
type Handler interface {
	Handle(ctx context.Context) error
}

// Server listens.
type Server struct {
	Addr string
	conns map[string]*Conn
}

type (
	ID    int64
	Names = []string
	Func  func(int) error
)

// New returns a server.
func New(addr string) *Server {
	return &Server{Addr: addr}
}

// Close stops it.
func (s *Server) Close() error {
	for _, c := range s.conns {
		c.Close()
	}
	return nil
}

func (l List[T]) Len() int { return len(l.items) }

func Map[T, U any](in []T, f func(T) U) []U {
	type pair struct{ a, b int }
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

func TestClose(t *testing.T) {
	New("").Close()
}
