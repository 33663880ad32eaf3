import type { createProxyMetrics, ProxyReadings } from '../metrics/proxy.ts'

export interface Scrape {
  readonly contentType: string
  readonly text: string
}

/** Renders the metrics. The library is loaded at the first scrape: its memory is not for sidecars that nobody scrapes. */
export function lazyMetrics(read: () => ProxyReadings): () => Promise<Scrape> {
  let loaded: ReturnType<typeof createProxyMetrics> | undefined
  return async () => {
    const { createProxyMetrics: create } = await import('../metrics/proxy.ts')
    loaded ??= create(read)
    return { contentType: loaded.contentType, text: await loaded.render() }
  }
}
