import { buildProgram } from '../cli/program.ts'

// Each command's code is loaded when it is called: the sidecar must start fast and never load a Kubernetes client.
await buildProgram('0.1.0', []).parseAsync()
