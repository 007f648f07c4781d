/** The part of the WebAssembly interface that is used here: the language's own types do not have it. */
export interface WasmMemory {
  /** Another one after each `grow`; the one before is then empty. */
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

interface WebAssemblyInterface {
  readonly Memory: new (description: { readonly initial: number }) => WasmMemory
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  compile(binary: Uint8Array): Promise<WasmModule>
}

/** Opaque. */
export type WasmModule = object

export const WASM_PAGE_BYTES = 65_536

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface }
