import type { StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import type { InboundMeter } from './inbound-meter.ts'

/** Protocols of libp2p's services, under the network's prefix. Relaying has limits of its own, by bytes and time. */
const SERVICES: ReadonlySet<string> = new Set(['id/1.0.0', 'id/push/1.0.0', 'ping/1.0.0', 'kad/1.0.0', 'autonat/1.0.0'])

/** libp2p's register of protocols, as far as it is needed here. */
interface Registrar {
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
}

/**
 * Has the streams of libp2p's own protocols counted, as one of its services. Wrapped here because libp2p's hook for it, middleware,
 * adds the handler to its list anew with every stream.
 */
export function meteredProtocols(meter: InboundMeter, prefix: string) {
  return ({ registrar }: { readonly registrar: Registrar }): object => {
    const handle = registrar.handle.bind(registrar)
    registrar.handle = (protocol, handler, options) => {
      const watched: StreamHandler = (stream, connection) => {
        if (protocol.startsWith('/meshsub/')) meter.watchGossip(stream, connection)
        else if (isService(protocol)) meter.watchService(stream, connection)
        return handler(stream, connection)
      }
      return handle(protocol, watched, options)
    }
    const isService = (protocol: string) =>
      protocol.startsWith(`${prefix}/`) && SERVICES.has(protocol.slice(prefix.length + 1))
    return {}
  }
}
