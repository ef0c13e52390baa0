"""What lies near a point: distances, points in sorted arrays, and the queries that linking rows make there."""
