import type { Method, MethodTable } from './dispatch.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * The OpenRPC document of a table of methods: nothing in it is written down twice, since parameters are described by
 * what checks them, and results by what the tests hold them against. Source: spec.open-rpc.org, 1.3.
 */
export function openRpcDocument(methods: MethodTable, version: string): JsonObject {
  const schemas: Record<string, Json> = {}
  const published = Object.entries(methods).map(([name, method]) => publish(name, method, schemas))
  return {
    openrpc: '1.3.2',
    info: { title: 'idobata JSON-RPC', version },
    methods: published,
    components: { schemas },
  }
}

function publish(name: string, { summary, params, result }: Method, schemas: Record<string, Json>): JsonObject {
  return {
    name,
    summary,
    params: Object.entries(params).map(([name, { schema, absent }]) => ({ name, required: !absent, schema })),
    result: { name: 'result', schema: byReference(result, schemas) },
  }
}

/** A result's schema with each one that has a title put among `schemas`, once, and named in its place. */
function byReference(schema: Json, schemas: Record<string, Json>): Json {
  if (Array.isArray(schema)) return schema.map((entry) => byReference(entry, schemas))
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, byReference(value, schemas)]))
  const { title } = schema as JsonObject
  if (typeof title !== 'string') return inner
  schemas[title] = inner
  return { $ref: `#/components/schemas/${title}` }
}
