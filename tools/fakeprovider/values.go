package main

import (
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// encode turns a value into JSON; what is not known is left out.
func encode(v tftypes.Value) any {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	switch {
	case v.Type().Is(tftypes.String):
		var s string
		_ = v.As(&s)
		return s
	case v.Type().Is(tftypes.Bool):
		var b bool
		_ = v.As(&b)
		return b
	case v.Type().Is(tftypes.Number):
		n := new(big.Float)
		_ = v.As(&n)
		f, _ := n.Float64()
		return f
	}
	var members map[string]tftypes.Value
	if v.As(&members) == nil {
		out := map[string]any{}
		for k, e := range members {
			if j := encode(e); j != nil {
				out[k] = j
			}
		}
		return out
	}
	var elements []tftypes.Value
	_ = v.As(&elements)
	out := []any{}
	for _, e := range elements {
		out = append(out, encode(e))
	}
	return out
}

// decode turns JSON into a value of a type; what is not there is null, and a list of blocks that
// is not there is empty.
func decode(j any, t tftypes.Type) tftypes.Value {
	switch typ := t.(type) {
	case tftypes.Object:
		m, ok := j.(map[string]any)
		if !ok {
			return tftypes.NewValue(t, nil)
		}
		out := map[string]tftypes.Value{}
		for name, inner := range typ.AttributeTypes {
			out[name] = decode(m[name], inner)
		}
		return tftypes.NewValue(t, out)
	case tftypes.Map:
		m, ok := j.(map[string]any)
		if !ok {
			return tftypes.NewValue(t, nil)
		}
		out := map[string]tftypes.Value{}
		for k, e := range m {
			out[k] = decode(e, typ.ElementType)
		}
		return tftypes.NewValue(t, out)
	case tftypes.List:
		return elements(j, t, typ.ElementType)
	case tftypes.Set:
		return elements(j, t, typ.ElementType)
	}
	return scalar(j, t)
}

func elements(j any, t, inner tftypes.Type) tftypes.Value {
	list, ok := j.([]any)
	if _, isBlock := inner.(tftypes.Object); !ok && !isBlock {
		return tftypes.NewValue(t, nil)
	}
	out := []tftypes.Value{}
	for _, e := range list {
		out = append(out, decode(e, inner))
	}
	return tftypes.NewValue(t, out)
}

func scalar(j any, t tftypes.Type) tftypes.Value {
	switch v := j.(type) {
	case string:
		if t.Is(tftypes.String) {
			return tftypes.NewValue(t, v)
		}
	case bool:
		if t.Is(tftypes.Bool) {
			return tftypes.NewValue(t, v)
		}
	case float64:
		if t.Is(tftypes.Number) {
			return tftypes.NewValue(t, big.NewFloat(v))
		}
	}
	return tftypes.NewValue(t, nil)
}
