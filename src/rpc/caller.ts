/** Who asks, as far as the transport knows. */
export interface Caller {
  /** What allowances are counted by: an IP address, or the /64 of an IPv6 one. */
  readonly client: string
  /** Where notifications go; absent where the transport carries answers alone. */
  readonly subscriber?: Subscriber
}

/** A connection that can be told things later. */
export interface Subscriber {
  /** Sends one message, unless the connection has gone. A reader that is too slow loses its connection. */
  notify(message: string): void
  /** Runs `action` once the answer to the message at hand is on its way; never, if the connection goes first. */
  afterAnswer(action: () => void): void
  /** Runs `listener` when the connection has gone. */
  onClose(listener: () => void): void
}
