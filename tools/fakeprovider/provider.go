package main

import (
	"context"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	dschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	eschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// fake is the provider of this name.
type fake struct{ name string }

// Metadata implements provider.Provider.
func (p fake) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = p.name, "1.0.0"
}

// Schema implements provider.Provider.
func (p fake) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"endpoint": schema.StringAttribute{Optional: true, Description: "Address of the cloud; FAKECLOUD if it is not set."},
		"faults":   schema.MapAttribute{Optional: true, ElementType: types.StringType, Description: "What the cloud shall do wrong, such as latency = \"50ms\"."},
		"region":   schema.StringAttribute{Optional: true},
	}}
}

// Configure implements provider.Provider.
func (p fake) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config struct {
		Endpoint types.String      `tfsdk:"endpoint"`
		Faults   map[string]string `tfsdk:"faults"`
		Region   types.String      `tfsdk:"region"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	c := &client{base: config.Endpoint.ValueString(), faults: config.Faults}
	if c.base == "" {
		c.base = os.Getenv("FAKECLOUD")
	}
	if c.base == "" {
		resp.Diagnostics.AddError("no cloud", "Neither endpoint nor FAKECLOUD is set.")
	}
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = c, c, c
}

// Resources implements provider.Provider.
func (p fake) Resources(context.Context) []func() resource.Resource {
	var out []func() resource.Resource
	for name, o := range catalogue[p.name] {
		out = append(out, func() resource.Resource { return &thing{typ: p.name + "_" + name, object: o} })
	}
	return out
}

// DataSources implements provider.Provider.
func (p fake) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return &lookup{provider: p.name} }}
}

// EphemeralResources implements provider.ProviderWithEphemeralResources.
func (p fake) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return &token{provider: p.name} }}
}

// lookup is a data source: the value that the cloud has under a key. feed is not used; it makes
// the data source depend on something.
type lookup struct {
	provider string
	client   *client
}

func (d *lookup) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = d.provider + "_lookup"
}

func (d *lookup) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = dschema.Schema{Attributes: map[string]dschema.Attribute{
		"key": dschema.StringAttribute{Required: true}, "feed": dschema.StringAttribute{Optional: true}, "value": dschema.StringAttribute{Computed: true}}}
}

func (d *lookup) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.client, _ = req.ProviderData.(*client)
}

func (d *lookup) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m struct {
		Key   types.String `tfsdk:"key"`
		Feed  types.String `tfsdk:"feed"`
		Value types.String `tfsdk:"value"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	o, _, err := d.client.do(ctx, "GET", "/lookup/"+m.Key.ValueString(), nil)
	if err != nil {
		resp.Diagnostics.AddError("lookup", err.Error())
		return
	}
	value, _ := o["value"].(string)
	m.Value = types.StringValue(value)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// token is an ephemeral resource: another value at every run.
type token struct{ provider string }

func (e *token) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = e.provider + "_token"
}

func (e *token) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = eschema.Schema{Attributes: map[string]eschema.Attribute{"value": eschema.StringAttribute{Computed: true, Sensitive: true}}}
}

func (e *token) Open(ctx context.Context, _ ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m struct {
		Value types.String `tfsdk:"value"`
	}
	m.Value = types.StringValue("token-" + random())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// names returns the keys of a map, sorted.
func names[T any](m map[string]T) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
