import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Command } from '../pinned-process.ts'
import type { WorkloadName } from '../workloads.ts'

/** What a proxy needs to know. Everybody gets the same: 90 % to the primary, 10 % and `x-canary: always` to the canary. */
export interface Setting {
  readonly primary: number
  readonly canary: number
  /** Where the proxy shall listen. */
  readonly port: number
  /** Where those listen for gRPC that cannot have both protocols at one port. */
  readonly grpcPort: number
  /** An empty folder for files. */
  readonly folder: string
}

export interface Peer {
  readonly name: string
  /** Why it cannot be measured on this machine; undefined if it can. */
  missing(): string | undefined
  /** Writes its configuration; how it is started. */
  prepare(setting: Setting): Promise<Command> | Command
  /** gRPC is served at its own port. */
  readonly hasGrpcPort?: true
  /** What it was not made for, and why. */
  readonly cannot?: Partial<Readonly<Record<WorkloadName, string>>>
  /** Port of an endpoint to scrape, for those that have one. */
  readonly adminPort?: number
}

/** The program's path, wherever `PATH` or the folders of system daemons have it. */
export function findProgram(name: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].map((folder) => join(folder, name)).find(isExecutable)
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export const installHint = 'bench/peers.sh installs it'
