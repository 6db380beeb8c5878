"""A controller of a real nginx that reads what F5's NGINX Ingress Controller reads."""
