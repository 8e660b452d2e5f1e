"""Where a node is reached by the others. SQL: 0006_node_address.sql."""

revision = "0006"
down_revision = "0005"
