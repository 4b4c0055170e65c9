import type { Shape } from '~/kernel/diff/model'
import type { BlockSchema, Document, ResourceDocument } from './document'

/** shapeOf is what the schemas of a plan say of a resource, undefined if nothing. */
export function shapeOf(plan: Document, r: ResourceDocument): Shape | undefined {
  const provider = plan.provider_schemas?.[r.provider_name ?? '']
  const schemas = r.mode === 'data' ? provider?.data_source_schemas : provider?.resource_schemas
  const block = schemas?.[r.type]?.block
  return block === undefined ? undefined : shapeOfBlock(block)
}

function shapeOfBlock(b: BlockSchema): Shape {
  const blocks = new Map<string, Shape>()
  for (const [name, nested] of Object.entries(b.block_types ?? {})) {
    blocks.set(name, { set: nested.nesting_mode === 'set', element: shapeOfBlock(nested.block ?? {}) })
  }
  return { blocks, attributes: shapesOf(b.attributes ?? {}) }
}

type Attributes = NonNullable<BlockSchema['attributes']>

function shapesOf(all: Attributes): Map<string, Shape> {
  const out = new Map<string, Shape>()
  for (const [name, a] of Object.entries(all)) {
    const shape = a.nested_type === undefined ? shapeOfType(a.type) : nested(a.nested_type)
    if (shape !== undefined) out.set(name, shape)
  }
  return out
}

function nested(t: { readonly nesting_mode?: string; readonly attributes?: Attributes }): Shape {
  const object: Shape = { attributes: shapesOf(t.attributes ?? {}) }
  return t.nesting_mode === 'single' || t.nesting_mode === undefined ? object : { set: t.nesting_mode === 'set', element: object }
}

/** shapeOfType reads cty's JSON form of a type; undefined for types without parts. */
function shapeOfType(type: unknown): Shape | undefined {
  if (!Array.isArray(type)) return undefined
  const [kind, of] = type as unknown[]
  if (kind === 'object' && typeof of === 'object' && of !== null) {
    const attributes = new Map<string, Shape>()
    for (const [name, t] of Object.entries(of)) {
      const shape = shapeOfType(t)
      if (shape !== undefined) attributes.set(name, shape)
    }
    return { attributes }
  }
  if (kind !== 'set' && kind !== 'list' && kind !== 'map') return undefined
  return { set: kind === 'set', element: shapeOfType(of) ?? {} }
}
