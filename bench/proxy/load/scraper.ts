/** What Prometheus does to a sidecar, more often. */
import { connect } from 'node:net'

const everyMs = 500

/** Reads /metrics again and again, over a connection each; the result ends it. */
export function startScraping(port: number): () => void {
  const timer = setInterval(() => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    socket.on('error', () => undefined).resume()
  }, everyMs)
  return () => clearInterval(timer)
}
