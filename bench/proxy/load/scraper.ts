/** What Prometheus does to a sidecar. */
import { connect } from 'node:net'

export interface Scraper {
  /** When each scrape began, milliseconds since 1970. */
  readonly times: readonly number[]
  stop(): void
}

/** Reads /metrics again and again, over a connection each, the first time after half an interval. */
export function startScraping({ port, everyMs }: { readonly port: number; readonly everyMs: number }): Scraper {
  const times: number[] = []
  let timer = setTimeout(scrape, everyMs / 2)
  function scrape(): void {
    timer = setTimeout(scrape, everyMs)
    times.push(performance.timeOrigin + performance.now())
    const socket = connect({ host: '127.0.0.1', port })
    socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    socket.on('error', () => undefined).resume()
  }
  return { times, stop: () => clearTimeout(timer) }
}
