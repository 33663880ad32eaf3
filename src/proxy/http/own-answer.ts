import { errorHeader } from './hop-by-hop.ts'
import { reasonPhrases } from './reason-phrases.ts'

/** An answer that the sidecar makes itself. */
export interface OwnAnswer {
  readonly status: number
  /** One word for x-kinglet-error, so that people and tools can tell our answers from the app's. */
  readonly code: string
  /** One sentence, the body. */
  readonly message: string
  /** A further header line with its CRLF, or nothing. */
  readonly line?: string
}

/** The whole answer as latin1 text. HEAD gets no body. */
export function printAnswer(answer: OwnAnswer, method: string, keepAlive: boolean): string {
  const body = `${answer.message}\n`
  return (
    `HTTP/1.1 ${answer.status} ${reasonPhrases[answer.status] ?? 'Error'}\r\nDate: ${new Date().toUTCString()}\r\n` +
    `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n${errorHeader}: ${answer.code}\r\n` +
    (answer.line ?? '') +
    (answer.status === 503 ? 'Retry-After: 1\r\n' : '') +
    (keepAlive ? '\r\n' : 'Connection: close\r\n\r\n') +
    (method === 'HEAD' ? '' : body)
  )
}
