"""Images and labels, the anatomical frame, surfaces, tetrahedra and named regions."""
