package masking

// automaton finds many texts at once in one pass (Aho and Corasick, 1975). Node 0 is
// the root.
type automaton struct {
	nodes []node
	roots [256]int32 // children of the root
}

// node is a prefix of a text.
type node struct {
	child, sibling int32 // first child, next child of the same parent; 0 is none
	fail           int32 // the longest other node that is a suffix of this one
	depth          int32 // bytes of the prefix
	match          int32 // bytes of the longest text that ends here, 0 if none does
	hold           int32 // bytes at the end that may be the beginning of a text that goes on
	char           byte
}

// add puts a text in. It must not be empty.
func (a *automaton) add(text string) {
	if len(a.nodes) == 0 {
		a.nodes = make([]node, 1)
	}
	at := int32(0)
	for i := range len(text) {
		next := a.step(at, text[i])
		if next == 0 {
			next = a.grow(at, text[i])
		}
		at = next
	}
	a.nodes[at].match = a.nodes[at].depth
}

// grow adds a child to the node at.
func (a *automaton) grow(at int32, char byte) int32 {
	n := int32(len(a.nodes))
	a.nodes = append(a.nodes, node{depth: a.nodes[at].depth + 1, char: char})
	if at == 0 {
		a.roots[char] = n
		return n
	}
	a.nodes[n].sibling = a.nodes[at].child
	a.nodes[at].child = n
	return n
}

// step returns the child of the node at for char, 0 if it has none.
func (a *automaton) step(at int32, char byte) int32 {
	if at == 0 {
		return a.roots[char]
	}
	n := a.nodes[at].child
	for n != 0 && a.nodes[n].char != char {
		n = a.nodes[n].sibling
	}
	return n
}

// next returns the node of the longest suffix of what was read, after char.
func (a *automaton) next(at int32, char byte) int32 {
	for {
		n := a.step(at, char)
		if n != 0 || at == 0 {
			return n
		}
		at = a.nodes[at].fail
	}
}

// link fills fail, match and hold of every node, once all texts are in.
func (a *automaton) link() {
	queue := make([]int32, 0, len(a.nodes))
	for _, n := range a.roots {
		if n != 0 {
			queue = append(queue, n)
		}
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		a.nodes[at].hold = a.nodes[at].depth
		if a.nodes[at].child == 0 {
			a.nodes[at].hold = a.nodes[a.nodes[at].fail].hold
		}
		for n := a.nodes[at].child; n != 0; n = a.nodes[n].sibling {
			fail := a.next(a.nodes[at].fail, a.nodes[n].char)
			a.nodes[n].fail = fail
			a.nodes[n].match = max(a.nodes[n].match, a.nodes[fail].match)
			queue = append(queue, n)
		}
	}
}
