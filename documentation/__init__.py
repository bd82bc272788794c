"""The documentation site: what builds it, writes its generated pages, and checks that it is whole."""
