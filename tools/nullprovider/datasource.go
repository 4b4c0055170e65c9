package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// nullDataSource is null_data_source: it gives back what it is given.
type nullDataSource struct{}

type dataModel struct {
	ID                 types.String `tfsdk:"id"`
	Inputs             types.Map    `tfsdk:"inputs"`
	Outputs            types.Map    `tfsdk:"outputs"`
	Random             types.String `tfsdk:"random"`
	HasComputedDefault types.String `tfsdk:"has_computed_default"`
}

// Metadata implements datasource.DataSource.
func (nullDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "null_data_source"
}

// Schema implements datasource.DataSource.
func (nullDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "A data source that gives back its inputs.",
		Attributes: map[string]schema.Attribute{
			"id":      schema.StringAttribute{Computed: true, Description: "Always \"static\"."},
			"inputs":  schema.MapAttribute{Optional: true, ElementType: types.StringType, Description: "Strings to give back."},
			"outputs": schema.MapAttribute{Computed: true, ElementType: types.StringType, Description: "The inputs."},
			"random":  schema.StringAttribute{Computed: true, Description: "A number, another at every read."},
			"has_computed_default": schema.StringAttribute{
				Optional: true, Computed: true, Description: "\"default\" if it is not set.",
			},
		},
	}
}

// Read implements datasource.DataSource.
func (nullDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m dataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID, m.Random, m.Outputs = types.StringValue("static"), types.StringValue(randomID()), m.Inputs
	if m.Outputs.IsNull() {
		m.Outputs = types.MapValueMust(types.StringType, nil)
	}
	if m.HasComputedDefault.IsNull() {
		m.HasComputedDefault = types.StringValue("default")
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
