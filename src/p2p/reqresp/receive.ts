import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'

/** A stream ended otherwise than by the other side's closing it. */
export class StreamCutError extends Error {
  override readonly name = 'StreamCutError'
}

/**
 * Hands everything that arrives on a stream to `take`, at once: nothing waits in a queue, as it would for an iterator.
 * @returns when the other side has closed its end and all it sent has been taken.
 * @throws StreamCutError if the stream ends otherwise; what `take` throws, after which nothing more is taken.
 */
export function receive(stream: Stream, take: (bytes: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      stream.removeEventListener('message', onMessage)
      stream.removeEventListener('end', onEnd)
      stream.removeEventListener('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onMessage = ({ data }: StreamMessageEvent) => {
      try {
        if (data instanceof Uint8Array) take(data)
        else for (const part of data) take(part)
      } catch (error) {
        settle(error)
      }
    }
    // Told of the end too when the connection has gone: the stream is not open then any more.
    const onEnd = () => settle(stream.status === 'open' ? undefined : new StreamCutError('the connection was closed'))
    const onClose = ({ error }: StreamCloseEvent) => settle(new StreamCutError('the stream was cut', { cause: error }))
    if (stream.readableEnded) onEnd()
    else if (stream.status !== 'open') settle(new StreamCutError(`the stream is ${stream.status}`))
    else {
      stream.addEventListener('end', onEnd)
      stream.addEventListener('close', onClose)
      // Last: what has arrived already is handed over from now on.
      stream.addEventListener('message', onMessage)
    }
  })
}

/**
 * Resolves when the stream takes more. `stream.onDrain` resolves at once from its second use on.
 * @throws StreamCutError
 */
export async function drained(stream: Stream): Promise<void> {
  while (stream.writableNeedsDrain) {
    if (stream.status !== 'open') throw new StreamCutError(`the stream is ${stream.status}`)
    await new Promise<void>((resolve) => {
      const settle = () => {
        stream.removeEventListener('drain', settle)
        stream.removeEventListener('close', settle)
        resolve()
      }
      stream.addEventListener('drain', settle)
      stream.addEventListener('close', settle)
    })
  }
}
