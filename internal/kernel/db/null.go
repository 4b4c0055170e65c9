package db

// Text is the text of a column that may be NULL, "" if it is.
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Null is the opposite of Text: NULL in a row, and null in JSON, for "".
func Null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
