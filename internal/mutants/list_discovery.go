package main

var discovery = []mutant{
	// The issuer.
	change("issuer-of-the-document-not-compared", "discovery.go", `if !slices.Contains(s.candidates, m.Issuer) {`, `if !slices.Contains(s.candidates, m.Issuer) && m.Issuer == "" {`),
	change("issuer-changes-later", "discovery.go", `ok && known.Issuer != m.Issuer {`, `ok && known.Issuer == "" {`),
	change("issuer-missing", "metadata.go", `if m.Issuer == "" {`, `if false {`),
	change("issuer-of-a-wrong-type", "metadata.go", "m.Issuer, err = text(set, \"issuer\"); err != nil {\n\t\treturn nil, err", "m.Issuer, err = text(set, \"issuer\"); err != nil {\n\t\treturn m, nil"),
	change("issuer-not-checked", "discovery.go", `if err := checkIssuer(m.Issuer, s.cfg.AllowHTTP); err != nil {`, `if err := checkIssuer(m.Issuer, s.cfg.AllowHTTP); err != nil && false {`).
		equivalent("By then the issuer is one of the candidates, which are made of a URL that New has checked."),
	change("configured-issuer-not-checked", "discovery.go", `if err := checkIssuer(cfg.Issuer, cfg.AllowHTTP); err != nil {`, `if err := checkIssuer(cfg.Issuer, cfg.AllowHTTP); err != nil && false {`),
	change("issuer-with-query", "discovery.go", `if strings.Contains(issuer, "?") {`, `if strings.Contains(issuer, "\x00") {`),
	change("configured-issuer-beside-the-urls", "discovery.go", `if s.candidates == nil {`, `if true {`),
	change("static-issuers-of-the-url", "discovery.go", "\tif s.fixed != nil {\n\t\treturn s.fixed.issuers\n\t}\n", "\tif s.fixed != nil {\n\t\treturn nil\n\t}\n"),
	change("candidates-after-the-document", "discovery.go", "\tif doc, ok := s.doc.Peek(); ok {\n\t\treturn doc.issuers\n\t}\n\treturn s.candidates", "\treturn s.candidates"),

	// URLs.
	change("url-with-query", "urls.go", `if strings.Contains(discoveryURL, "?") {`, `if strings.Contains(discoveryURL, "\x00") {`),
	change("url-not-checked", "urls.go", `if err := remote.CheckURL(discoveryURL, true); err != nil {`, `if err := remote.CheckURL(discoveryURL, true); err != nil && discoveryURL == "" {`),
	change("url-over-http", "discovery.go", `err = remote.CheckURL(cfg.DiscoveryURL, cfg.AllowHTTP)`, `err = remote.CheckURL(cfg.DiscoveryURL, true)`),
	change("well-known-part-within-a-segment", "urls.go", `if after := s[i+len(part):]; after == "" || after[0] == '/' {`, `if after := s[i+len(part):]; true {`),
	change("issuer-with-two-slashes", "urls.go", "\tissuer = strings.TrimSuffix(issuer, \"/\")\n\treturn", "\tissuer = strings.TrimRight(issuer, \"/\")\n\treturn"),
	change("static-endpoint-not-checked", "discovery.go", `if err := remote.CheckURL(*e.fixed, cfg.AllowHTTP); err != nil {`, `if err := remote.CheckURL(*e.fixed, cfg.AllowHTTP); err != nil && false {`),
	change("nothing-configured", "discovery.go", `if cfg.Endpoints == (Endpoints{}) {`, `if false {`),
	change("problems-ignored", "discovery.go", "\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn s, nil\n", "\treturn s, nil\n"),

	// Members.
	change("override-loses", "metadata.go", `case *e.fixed != "":`, `case *e.fixed != "" && published == "":`),
	change("endpoint-without-bound", "metadata.go", `case len(published) > maxURL:`, `case false:`),
	change("endpoint-not-checked", "metadata.go", `if err := remote.CheckNamedURL(published, from, allowHTTP); err != nil {`, `if err := remote.CheckNamedURL(published, from, allowHTTP); err != nil && published == "" {`),
	change("endpoint-on-loopback", "metadata.go", `remote.CheckNamedURL(published, from, allowHTTP)`, `remote.CheckURL(published, allowHTTP)`),
	change("endpoint-that-broke-the-rule", "metadata.go", "\t\t\t\tm.problem(\"%s: %v\", e.member, err)\n\t\t\t\tcontinue\n", "\t\t\t\tm.problem(\"%s: %v\", e.member, err)\n"),
	change("endpoint-of-a-wrong-type", "metadata.go", "\t\tcase err != nil:\n\t\t\treturn nil, err\n\t\tcase *e.fixed", "\t\tcase err != nil:\n\t\tcase *e.fixed"),
	change("list-without-bound", "metadata.go", `if len(*l.values) > maxList {`, `if false {`),
	change("list-of-a-wrong-type", "metadata.go", "\tif json.Unmarshal([]byte(raw), &values) != nil {\n", "\tif json.Unmarshal([]byte(raw), &values) != nil && len(raw) == 0 {\n"),
	change("list-with-empty-values", "metadata.go", `return v == "" }), nil`, `return false }), nil`),
	change("iss-parameter-of-a-wrong-type", "metadata.go", `set.Bool("authorization_response_iss_parameter_supported"); err != nil {`, `set.Bool("authorization_response_iss_parameter_supported"); err != nil && false {`),
	change("iss-parameter-ignored", "metadata.go", `m.IssParameterSupported, _, err = set.Bool(`, `_, _, err = set.Bool(`),

	// Refreshing.
	change("refresh-after-one-failure", "outcomes.go", `failuresToRefresh = 3`, `failuresToRefresh = 1`),
	change("refresh-once-only", "outcomes.go", `case n > failuresToRefresh:`, `case n > 1000*failuresToRefresh:`),
	change("failures-of-all-endpoints-together", "outcomes.go", "\to.failures[endpoint]++\n\treturn o.failures[endpoint]\n", "\to.failures[\"\"]++\n\treturn o.failures[\"\"]\n"),
	change("success-does-not-count", "outcomes.go", "\tif !failed {\n\t\tdelete(o.failures, endpoint)\n", "\tif !failed {\n"),
}
