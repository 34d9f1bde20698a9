//! metadata-api
