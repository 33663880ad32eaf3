/**
 * The app behind every proxy: answers by the first letter of the path, as cheaply as Node can. It trusts the proxies to send one
 * request at a time, well framed.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { workloads } from '../workloads.ts'
import { isHttp2, serveCalls } from './calls.ts'

const endOfHead = Buffer.from('\r\n\r\n')
const endOfChunks = Buffer.from('0\r\n\r\n')
/** `Transfer-Encoding: chunked`, whatever the case of its name. */
const chunkedField = Buffer.from('ncoding: chunked\r\n')

const plain = (bytes: number): Buffer => Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`)
const chunked = (bytes: number): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`)

/** Answers by the letter after the path's slash. */
const answers: (Buffer | undefined)[] = []
/** Payload bytes of the request by the same letter. */
const bodies: number[] = []
for (const workload of workloads) {
  if (workload.streamsPerConnection !== undefined) continue
  const letter = workload.path.charCodeAt(1)
  answers[letter] = workload.answers === 'chunked' ? chunked(workload.responseBytes) : plain(workload.responseBytes)
  bodies[letter] = workload.requestBytes
}

/** Opens a port; resolves with its number. */
export function startUpstream(): Promise<number> {
  const server = createServer({ noDelay: true }, serve)
  return new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => resolve((server.address() as AddressInfo).port))
  })
}

function serve(socket: Socket): void {
  socket.once('data', (chunk: Buffer) => {
    if (isHttp2(chunk)) serveCalls(socket, chunk)
    else serveHttp1(socket, chunk)
  })
  socket.on('error', () => undefined)
}

function serveHttp1(socket: Socket, first: Buffer): void {
  let kept: Buffer | undefined
  const take = (chunk: Buffer): void => {
    const bytes = kept === undefined ? chunk : Buffer.concat([kept, chunk])
    kept = undefined
    const answer = answerTo(bytes)
    if (answer === undefined) kept = bytes
    else socket.write(answer)
  }
  take(first)
  socket.on('data', take)
}

/** The head ends at `end`, with its last line's CRLF. */
function isChunked(bytes: Buffer, end: number): boolean {
  const at = bytes.indexOf(chunkedField)
  return at >= 0 && at < end
}

/** Undefined while the request is not complete. */
function answerTo(bytes: Buffer): Buffer | undefined {
  const end = bytes.indexOf(endOfHead)
  if (end < 0) return undefined
  const letter = bytes[bytes.indexOf(47) + 1] ?? 0
  // A proxy that has a short body whole may give it a length instead of chunks: nginx does.
  const isWhole = isChunked(bytes, end) ? bytes.subarray(-endOfChunks.length).equals(endOfChunks) : bytes.length >= end + endOfHead.length + (bodies[letter] ?? 0)
  return isWhole ? answers[letter] : undefined
}
