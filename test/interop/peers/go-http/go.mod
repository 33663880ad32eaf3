module kinglet.sh/interop/go-http

go 1.24
