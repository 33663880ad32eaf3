import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, installHint, type Peer, type Setting } from './peer.ts'

export const nginx: Peer = {
  name: 'nginx',
  hasGrpcPort: true,
  missing: () => (findProgram('nginx') === undefined ? `no program nginx: ${installHint}` : undefined),
  prepare: (setting) => {
    const file = join(setting.folder, 'nginx.conf')
    writeFileSync(file, config(setting))
    return { command: findProgram('nginx') ?? 'nginx', args: ['-p', setting.folder, '-c', file, '-e', join(setting.folder, 'error.log')] }
  },
}

const config = ({ primary, canary, port, grpcPort, folder }: Setting): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 20000; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  split_clients $request_id $share { 10% canary; * primary; }
  map $http_x_canary $track { always canary; default $share; }
  upstream primary { server 127.0.0.1:${primary}; keepalive 128; keepalive_requests 100000000; }
  upstream canary { server 127.0.0.1:${canary}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    client_max_body_size 0;
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_buffering on;
      proxy_max_temp_file_size 0;
      proxy_pass http://$track;
    }
  }
  server {
    listen 127.0.0.1:${grpcPort} http2 backlog=1024;
    client_max_body_size 0;
    location / {
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      grpc_pass grpc://$track;
    }
  }
}
`
