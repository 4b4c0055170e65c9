package main

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/numberplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// thing is any resource of the catalogue.
type thing struct {
	typ    string
	object object
	client *client
}

// Metadata implements resource.Resource.
func (r *thing) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.typ
}

// Configure implements resource.ResourceWithConfigure.
func (r *thing) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.client, _ = req.ProviderData.(*client)
}

// Schema implements resource.Resource.
func (r *thing) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attrs := attributes(r.object.attrs)
	attrs["id"] = attribute(attr{kind: text, computed: true})
	attrs["name"] = attribute(attr{kind: text, required: true})
	resp.Schema = schema.Schema{Attributes: attrs, Blocks: blocks(r.object.blocks)}
}

func attributes(list map[string]attr) map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	for name, a := range list {
		out[name] = attribute(a)
	}
	return out
}

func attribute(a attr) schema.Attribute {
	optional := !a.required && (!a.computed || a.optional)
	var keep []planmodifier.String
	if a.computed && !a.volatile {
		keep = append(keep, stringplanmodifier.UseStateForUnknown())
	}
	if a.replace {
		keep = append(keep, stringplanmodifier.RequiresReplace())
	}
	switch a.kind {
	case number:
		var keep []planmodifier.Number
		if a.computed {
			keep = append(keep, numberplanmodifier.UseStateForUnknown())
		}
		return schema.NumberAttribute{Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive, PlanModifiers: keep}
	case boolean:
		var keep []planmodifier.Bool
		if a.computed {
			keep = append(keep, boolplanmodifier.UseStateForUnknown())
		}
		return schema.BoolAttribute{Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive, PlanModifiers: keep}
	case list:
		return schema.ListAttribute{ElementType: types.StringType, Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive}
	case set:
		return schema.SetAttribute{ElementType: types.StringType, Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive}
	case dict:
		return schema.MapAttribute{ElementType: types.StringType, Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive}
	}
	return schema.StringAttribute{Required: a.required, Optional: optional, Computed: a.computed, Sensitive: a.sensitive, WriteOnly: a.writeOnly, PlanModifiers: keep}
}

func blocks(list map[string]block) map[string]schema.Block {
	out := map[string]schema.Block{}
	for name, b := range list {
		inner := schema.NestedBlockObject{Attributes: attributes(b.attrs), Blocks: blocks(b.blocks)}
		if b.set {
			out[name] = schema.SetNestedBlock{NestedObject: inner}
			continue
		}
		out[name] = schema.ListNestedBlock{NestedObject: inner}
	}
	return out
}

// computed are the attributes that the cloud fills in.
func (r *thing) computed() string {
	var out []string
	for _, name := range names(r.object.attrs) {
		if a := r.object.attrs[name]; a.computed && (a.kind == text) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}

// Create implements resource.Resource.
func (r *thing) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	o, _, err := r.client.do(ctx, "POST", "/objects/"+r.typ+"?computed="+r.computed(), encode(req.Plan.Raw))
	if err != nil {
		resp.Diagnostics.AddError("create", err.Error())
		return
	}
	resp.State.Raw = r.filled(req.Plan.Raw, o)
}

// Read implements resource.Resource.
func (r *thing) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	o, found, err := r.client.do(ctx, "GET", "/objects/"+r.typ+"/"+id.ValueString(), nil)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("read", err.Error())
	case !found:
		resp.State.RemoveResource(ctx)
	default:
		for name, a := range r.object.attrs {
			if a.writeOnly {
				delete(o, name)
			}
		}
		resp.State.Raw = decode(o, req.State.Raw.Type())
	}
}

// Update implements resource.Resource.
func (r *thing) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	o, _, err := r.client.do(ctx, "PUT", "/objects/"+r.typ+"/"+id.ValueString(), encode(req.Plan.Raw))
	if err != nil {
		resp.Diagnostics.AddError("update", err.Error())
		return
	}
	resp.State.Raw = r.filled(req.Plan.Raw, o)
}

// Delete implements resource.Resource.
func (r *thing) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	if _, _, err := r.client.do(ctx, "DELETE", "/objects/"+r.typ+"/"+id.ValueString(), nil); err != nil {
		resp.Diagnostics.AddError("delete", err.Error())
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *thing) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), req, resp)
}

// filled is what was planned, with what the cloud computed where the plan did not know it.
func (r *thing) filled(plan tftypes.Value, o map[string]any) tftypes.Value {
	var planned map[string]tftypes.Value
	if err := plan.As(&planned); err != nil {
		return plan
	}
	real := map[string]tftypes.Value{}
	if err := decode(o, plan.Type()).As(&real); err != nil {
		return plan
	}
	for name, v := range planned {
		if !v.IsFullyKnown() {
			planned[name] = real[name]
		}
		if r.object.attrs[name].writeOnly {
			planned[name] = tftypes.NewValue(v.Type(), nil)
		}
	}
	return tftypes.NewValue(plan.Type(), planned)
}
