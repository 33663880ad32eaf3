/** What Prometheus does to a sidecar. */
import { connect } from 'node:net'

/** Reads /metrics again and again, over a connection each, the first time after half an interval; the result ends it. */
export function startScraping({ port, everyMs }: { readonly port: number; readonly everyMs: number }): () => void {
  let timer = setTimeout(scrape, everyMs / 2)
  function scrape(): void {
    timer = setTimeout(scrape, everyMs)
    const socket = connect({ host: '127.0.0.1', port })
    socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    socket.on('error', () => undefined).resume()
  }
  return () => clearTimeout(timer)
}
