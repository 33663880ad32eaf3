import type { Socket } from 'node:net'

/**
 * Tells the peer that the connection broke. Not while a FIN waits to be sent: Node 24 then neither resets nor closes the socket, and
 * the process cannot end any more (TCPWrap::Reset takes libuv's EINVAL for done); such a socket is closed instead.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
