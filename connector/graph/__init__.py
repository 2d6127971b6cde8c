"""HTTP to Microsoft Graph: the transport, its retries, and what its errors mean."""
