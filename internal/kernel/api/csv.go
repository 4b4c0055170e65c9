package api

import (
	"encoding/csv"
	"io"
	"strings"
)

// WriteCSV writes lines, the first of which are the names of the columns. A text that a
// spreadsheet would take for a formula gets an apostrophe before it.
func WriteCSV(w io.Writer, lines [][]string) error {
	out := csv.NewWriter(w)
	for _, line := range lines {
		for i, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				line[i] = "'" + cell
			}
		}
		_ = out.Write(line) // Error tells of it
	}
	out.Flush()
	return out.Error()
}
