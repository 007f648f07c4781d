/** The client that stands for all of this machine. Behind a proxy, that is everybody. */
export const THIS_MACHINE = '127.0.0.1'

/** Who asks, as far as the transport knows: one for each message. What is absent the transport cannot do. */
export interface Caller {
  /** What allowances are counted by: an IP address, or the /64 of an IPv6 one. */
  readonly client: string
  /** Where notifications go; absent where the transport carries answers alone. */
  readonly subscriber?: Subscriber | undefined
  /** Runs `action` once the answer to this message is on its way; never, if the connection goes first. There with `subscriber`. */
  readonly afterAnswer?: ((action: () => void) => void) | undefined
  /** Whether nobody waits for the answer any more: what has not begun need not. */
  isGone?(): boolean
  /** Takes units of allowance for work that neither the call's name nor the length of its answer shows. */
  charge?(units: number): void
}

/** A connection that can be told things later. */
export interface Subscriber {
  /** Sends one message, unless the connection has gone. A reader that is too slow loses its connection. */
  notify(message: string): void
  /** Runs `listener` when the connection has gone; at once, if it has. */
  onClose(listener: () => void): void
}
