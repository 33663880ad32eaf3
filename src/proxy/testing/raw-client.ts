import { connect } from 'node:net'
import { Peer, type RawResponse } from './peer.ts'

/** A client that says exactly what it is told. */
export async function openClient(port: number): Promise<Peer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const client = new Peer(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return client
}

/** One request on a connection of its own, and its response. */
export async function ask(port: number, request: string): Promise<RawResponse> {
  const client = await openClient(port)
  client.send(request)
  const response = await client.response()
  client.socket.destroy()
  return response
}

/** The text of a GET with some lines, each without its CRLF. */
export const get = (path: string, ...lines: readonly string[]): string => [`GET ${path} HTTP/1.1`, 'Host: app', ...lines, '', ''].join('\r\n')
