/** What is asked of every proxy. The upstream (load/upstream.ts) answers HTTP/1.1 by the first letter of the path, and gRPC with its message. */
export interface Workload {
  readonly name: WorkloadName
  readonly title: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Request body: none, with a length, or chunked. */
  readonly sends: 'nothing' | 'length' | 'chunked'
  /** Payload bytes of a request. */
  readonly requestBytes: number
  /** Payload bytes of a response. */
  readonly responseBytes: number
  readonly answers: 'length' | 'chunked'
  /** Connections that are open. */
  readonly connections: number
  /** Requests at a time in the closed loop; the other connections wait their turn. */
  readonly inFlight: number
  /** A new connection for each request. */
  readonly connectsAnew: boolean
  /** Calls of gRPC over HTTP/2 with prior knowledge, with so many streams on each connection. Default: HTTP/1.1. */
  readonly streamsPerConnection?: number
}

export type WorkloadName = 'get' | '10k' | 'post' | 'chunked' | '1m' | 'idle' | 'connect' | 'grpc'

const base = { method: 'GET', sends: 'nothing', requestBytes: 0, answers: 'length', connections: 50, inFlight: 50, connectsAnew: false } as const

export const workloads: readonly Workload[] = [
  { ...base, name: 'get', title: 'small GET, 100 B', path: '/small', responseBytes: 100 },
  { ...base, name: '10k', title: 'GET, 10 KB response', path: '/kilobytes', responseBytes: 10_240 },
  { ...base, name: 'post', title: 'POST, 4 KB body', method: 'POST', path: '/post', sends: 'length', requestBytes: 4096, responseBytes: 100 },
  { ...base, name: 'chunked', title: 'chunked both ways, 1 KB', method: 'POST', path: '/chunked', sends: 'chunked', requestBytes: 1024, responseBytes: 1024, answers: 'chunked' },
  { ...base, name: '1m', title: '1 MB response', path: '/megabyte', responseBytes: 1_048_576, connections: 8, inFlight: 8 },
  { ...base, name: 'idle', title: 'small GET over 1,000 connections', path: '/small', responseBytes: 100, connections: 1000 },
  { ...base, name: 'connect', title: 'a new connection per request', path: '/small', responseBytes: 100, connectsAnew: true },
  {
    ...base,
    name: 'grpc',
    title: 'unary gRPC over h2c, 64 B each way, ten connections with ten streams each',
    method: 'POST',
    path: '/bench.Service/Unary',
    requestBytes: 64,
    responseBytes: 64,
    connections: 10,
    inFlight: 100,
    streamsPerConnection: 10,
  },
]
