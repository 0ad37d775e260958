module mandate.invalid/tlog

go 1.18

// Builds with Go 1.18 and later; Debian 12 has 1.19.
require golang.org/x/mod v0.17.0
