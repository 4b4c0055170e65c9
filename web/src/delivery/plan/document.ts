// The redacted plan of the server (GET /plans/{id}/json-output-redacted), as far as it
// is read here; its format is OpenTofu's "JSON output format", with the provider's
// schemas in it.

/** Document is a redacted plan. */
export interface Document {
  readonly plan_format_version?: string
  readonly resource_changes?: readonly ResourceDocument[]
  readonly resource_drift?: readonly ResourceDocument[]
  readonly deferred_changes?: readonly { readonly reason?: string; readonly resource_change?: ResourceDocument }[]
  readonly output_changes?: Readonly<Record<string, ChangeDocument>>
  readonly provider_schemas?: Readonly<Record<string, ProviderSchema>>
}

/** ResourceDocument is a change of one resource instance. */
export interface ResourceDocument {
  readonly address: string
  readonly previous_address?: string
  readonly module_address?: string
  readonly mode?: string
  readonly type: string
  readonly name: string
  readonly index?: string | number
  readonly provider_name?: string
  readonly deposed?: string
  readonly action_reason?: string
  readonly change: ChangeDocument
}

/** ChangeDocument is what is before and after. */
export interface ChangeDocument {
  readonly actions: readonly string[]
  readonly before?: unknown
  readonly after?: unknown
  readonly after_unknown?: unknown
  readonly before_sensitive?: unknown
  readonly after_sensitive?: unknown
  readonly replace_paths?: readonly (readonly (string | number)[])[]
  readonly importing?: { readonly id?: string }
  readonly generated_config?: string
}

/** ProviderSchema is that of "providers schema -json". */
export interface ProviderSchema {
  readonly resource_schemas?: Readonly<Record<string, { readonly block?: BlockSchema }>>
  readonly data_source_schemas?: Readonly<Record<string, { readonly block?: BlockSchema }>>
}

/** BlockSchema is what may be in a block. */
export interface BlockSchema {
  readonly attributes?: Readonly<Record<string, AttributeSchema>>
  readonly block_types?: Readonly<Record<string, { readonly nesting_mode?: string; readonly block?: BlockSchema }>>
}

interface AttributeSchema {
  /** "string", or ["set", "string"] and the like (cty's JSON form of types) */
  readonly type?: unknown
  readonly nested_type?: { readonly nesting_mode?: string; readonly attributes?: Readonly<Record<string, AttributeSchema>> }
}
