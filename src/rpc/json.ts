export type JsonObject = { readonly [name: string]: Json }
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
