package discovery

// ParseMetadata is for the fuzz test.
var ParseMetadata = parseMetadata
