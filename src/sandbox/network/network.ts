import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson } from '../../base/json.ts'
import type { Logger } from '../../runtime/log.ts'
import type { Store } from '../contract.ts'
import { buildServiceTable } from './service-table.ts'
import { startServiceProxy } from './service-proxy.ts'

/** The network between pods: keeps the Service proxy and the file of names equal to the Services and EndpointSlices in the store. */
export interface Network {
  readonly namesFile: string
  settled(): Promise<void>
  stop(): void
}

export function startNetwork(options: { readonly store: Store; readonly dir: string; readonly logger: Logger }): Network {
  const { store } = options
  const namesFile = join(options.dir, 'names.json')
  const proxy = startServiceProxy(options.logger)
  let written = ''
  const sync = (): void => {
    const table = buildServiceTable(store.list('/services'), store.list('discovery.k8s.io/endpointslices'))
    const names = canonicalJson(table.names)
    if (names !== written) writeWhole(namesFile, names)
    written = names
    proxy.apply(table.frontends)
  }
  // Changes of one turn of the event loop come in at once.
  let isPending = false
  const schedule = (): void => {
    if (isPending) return
    isPending = true
    setImmediate(() => {
      isPending = false
      if (!isStopped) sync()
    })
  }
  let isStopped = false
  const unwatch = [store.watch('/services', schedule), store.watch('discovery.k8s.io/endpointslices', schedule)]
  sync()
  return {
    namesFile,
    settled: () => proxy.settled(),
    stop: () => {
      isStopped = true
      for (const end of unwatch) end()
      proxy.stop()
    },
  }
}

/** Readers see the old file or the new one, never a part. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}
