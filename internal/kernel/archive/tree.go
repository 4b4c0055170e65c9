package archive

import (
	"path"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

type kind byte

const (
	file kind = iota
	folder
	link
)

// maxHops is how many links one path may pass through; os.Root follows as many.
const maxHops = 8

// node is what a path is; target is set for links.
type node struct {
	kind   kind
	target string
}

// tree is the folder as it will be when the archive is unpacked.
type tree struct {
	nodes map[string]node
	limit int // of nodes, for folders that no entry names take memory too
}

func newTree(limit int) *tree {
	return &tree{nodes: map[string]node{}, limit: limit}
}

// add puts a node at a clean path, with the folders above it. The last of two files or
// links of one path wins; a folder and something else at one path are refused.
func (t *tree) add(name string, n node) error {
	if old, ok := t.nodes[name]; ok && (old.kind == folder) != (n.kind == folder) {
		return problem.Unprocessable("archive entry %q is a folder and something else as well", short(name))
	}
	t.nodes[name] = n
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		above, ok := t.nodes[dir]
		if ok && above.kind == folder {
			break // and so are all above it
		}
		if ok && above.kind == link {
			return problem.Unprocessable("archive entry %q goes through the symbolic link %q", short(name), short(dir))
		}
		if ok {
			return problem.Unprocessable("archive entry %q lies below the file %q", short(name), short(dir))
		}
		if t.nodes[dir] = (node{kind: folder}); len(t.nodes) > t.limit {
			break
		}
	}
	if len(t.nodes) > t.limit {
		return tooMany(t.limit)
	}
	return nil
}

// links returns the paths of all links, sorted.
func (t *tree) links() []string {
	var out []string
	for name, n := range t.nodes {
		if n.kind == link {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// checkLinks refuses a link that leads outside, by itself or by way of others. A link
// to nothing is fine.
func (t *tree) checkLinks() error {
	steps := 16 * max(t.limit, 1000) // in all: long chains of long targets must not cost minutes
	for _, name := range t.links() {
		if err := t.follow(name, &steps); err != nil {
			return err
		}
	}
	return nil
}

// follow walks a link's target as the system would, one part at a time.
func (t *tree) follow(name string, steps *int) error {
	at := path.Dir(name)
	rest := strings.Split(t.nodes[name].target, "/")
	for hops := 1; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if *steps--; *steps < 0 {
			return problem.Unprocessable("archive has too many symbolic links to follow")
		}
		if part == ".." && at == "." {
			return leaves(name, t.nodes[name].target)
		}
		next := path.Join(at, part) // ".." of a path without links is its parent
		if t.nodes[next].kind != link {
			at = next
			continue
		}
		*steps -= len(rest) // which are copied
		if hops++; hops > maxHops {
			return problem.Unprocessable("archive entry %q is a symbolic link that passes through more than %d links", short(name), maxHops)
		}
		rest = slices.Concat(strings.Split(t.nodes[next].target, "/"), rest)
		at = path.Dir(next)
	}
	return nil
}

func leaves(name, target string) error {
	return problem.Unprocessable("archive entry %q is a symbolic link to %q, which leaves the folder", short(name), short(target))
}

// checkTarget refuses a link's target that is wrong whatever else the archive holds.
func checkTarget(name, target string, maxLen int) error {
	switch {
	case target == "":
		return problem.Unprocessable("archive entry %q is a symbolic link to nothing", short(name))
	case len(target) > maxLen:
		return problem.Unprocessable("archive entry %q is a symbolic link with a target longer than %d bytes", short(name), maxLen)
	case strings.HasPrefix(target, "/"), strings.ContainsRune(target, 0):
		return leaves(name, target)
	}
	return nil
}
