import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseRouteTable } from '../api/codec.ts'
import { describeError } from '../base/errors.ts'
import type { TableSource } from './table-source.ts'

/** A mounted ConfigMap changes by a symbolic link's swap that not every file system announces: so the file is also read this often. */
const pollMs = 1000

/** The table in a file, read again whenever it changes. A bad file changes nothing, and the log says so with file and field. */
export class RoutesFile {
  private readonly path: string
  private readonly tables: TableSource
  private watcher: FSWatcher | undefined
  private timer: NodeJS.Timeout | undefined
  private lastText: string | undefined
  private complaint = ''

  constructor(path: string, tables: TableSource) {
    this.path = path
    this.tables = tables
  }

  /** Reads once, then goes on watching. Never rejects. */
  async start(): Promise<void> {
    await this.read()
    const readAgain = (): void => void this.read()
    this.timer = setInterval(readAgain, pollMs)
    this.timer.unref()
    try {
      this.watcher = watch(dirname(this.path), { persistent: false }, readAgain)
      this.watcher.on('error', () => this.watcher?.close())
    } catch {
      // Polling alone does.
    }
  }

  stop(): void {
    clearInterval(this.timer)
    this.watcher?.close()
  }

  private async read(): Promise<void> {
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      this.complain(describeError(error))
      return
    }
    this.complaint = ''
    if (text === this.lastText) return
    this.lastText = text
    const table = parseRouteTable(text)
    if (table.ok) this.tables.accept(table.value, this.path)
    else this.tables.refuse(table.error, this.path)
  }

  /** That a file cannot be read is said once, however often it is tried. */
  private complain(error: string): void {
    if (error === this.complaint) return
    this.complaint = error
    this.tables.refuse(error, this.path)
  }
}
