import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../base/clock.ts'
import { describeError } from '../base/errors.ts'
import { faultOfLeaf } from '../certs/validate.ts'

/** The mounted Secret: our certificate, its key, and the CA that sidecars will trust the controller by. */
export interface TlsFiles {
  readonly certPem: string
  readonly keyPem: string
  readonly caPem: string
}

export interface TlsWatch {
  /** The last files that were good; undefined before. */
  current(): TlsFiles | undefined
  /** What is wrong with what is being served, now; undefined when all is well. */
  fault(): string | undefined
  stop(): void
}

export interface TlsWatchOptions {
  readonly directory: string
  /** By which the API server dials us. */
  readonly names: readonly string[]
  readonly clock: Clock
  /** Between two looks, milliseconds. A kubelet replaces mounted files by a symbolic link, which file events miss. Default 5 s, 0.5 s before the first good files. */
  readonly intervalMs?: number
  /** Good files, the first ones and each that differ from the last. */
  readonly onChange: (files: TlsFiles) => void
  /** Files that are not good are not served; told once for each fault. */
  readonly onFault: (fault: string) => void
}

/** Reads the files again and again; keeps the last good ones when new ones are not. */
export function watchTlsFiles(options: TlsWatchOptions): TlsWatch {
  const { clock, names } = options
  let current: TlsFiles | undefined
  let lastFault: string | undefined
  let isStopped = false
  let cancel = (): void => undefined

  const look = async (): Promise<void> => {
    const [files, fault] = await readFiles(options.directory, names, clock.now())
    if (isStopped) return
    if (fault !== undefined && fault !== lastFault) options.onFault(fault)
    lastFault = fault
    if (files && fault === undefined && !sameFiles(files, current)) {
      current = files
      options.onChange(files)
    }
    cancel = clock.after(current ? (options.intervalMs ?? 5_000) : 500, () => void look())
  }
  void look()

  return {
    current: () => current,
    fault: () => (current ? faultOfLeaf(current, current.caPem, names, clock.now()) : (lastFault ?? 'the certificate has not been read yet')),
    stop: () => {
      isStopped = true
      cancel()
    },
  }
}

async function readFiles(directory: string, names: readonly string[], now: number): Promise<readonly [TlsFiles | undefined, string | undefined]> {
  try {
    const read = (name: string): Promise<string> => readFile(path.join(directory, name), 'utf8')
    const files = { certPem: await read('tls.crt'), keyPem: await read('tls.key'), caPem: await read('ca.crt') }
    const fault = faultOfLeaf(files, files.caPem, names, now)
    return [files, fault === undefined ? undefined : `the certificate in ${directory} cannot be used: ${fault}`]
  } catch (error) {
    return [undefined, `no certificate yet: ${describeError(error)}`]
  }
}

const sameFiles = (a: TlsFiles, b: TlsFiles | undefined): boolean => b !== undefined && a.certPem === b.certPem && a.keyPem === b.keyPem && a.caPem === b.caPem
